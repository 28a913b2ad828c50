#include "apps/sweep/child.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include "apps/base/program.h"
#include "apps/base/signals.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr off_t kWords = 1 << 14;  // bytes of a child's stderr that are kept

struct Child {
  Job* job;
  size_t place;
  int words;  // its stderr: a file in memory, so that nothing is left behind whoever dies
};

Child prepare(Job& job, size_t place) {
  const int words = memfd_create("stderr", MFD_CLOEXEC);
  if (words < 0)
    fail(ExitCode::out_of_memory, std::string("cannot start a run as a child process: ") + std::strerror(errno));
  return {&job, place, words};
}

void finish(const Child& child, int status) {
  child.job->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const off_t size = lseek(child.words, 0, SEEK_END), begin = std::max<off_t>(0, size - kWords);
  child.job->words.resize(size_t(std::max<off_t>(0, size - begin)));
  const ssize_t got = pread(child.words, child.job->words.data(), child.job->words.size(), begin);
  child.job->words.resize(size_t(std::max<ssize_t>(0, got)));
  close(child.words);
}

pid_t start(const Child& child, const std::string& place) {
  std::vector<std::string> command_line = child.job->arguments, environment;
  command_line.insert(command_line.begin(), "crc_train");
  if (!place.empty()) environment.push_back(place);
  const std::pair<int, int> open[] = {{-1, STDOUT_FILENO}, {child.words, STDERR_FILENO}};
  return start_again(command_line, environment, open, "a run as a child process");
}

}  // namespace

bool run_jobs(std::vector<Job>& jobs, const std::vector<std::string>& places,
              const std::function<void(int ended)>& tick) {
  const FinishFirst finish_first;  // the children end before this process does
  std::map<pid_t, Child> running;
  std::vector<size_t> free(places.size());
  std::iota(free.rbegin(), free.rend(), 0);  // the first place is taken first
  size_t next = 0;
  int ended = 0;
  bool passed_on = false;
  while (next < jobs.size() || !running.empty()) {
    while (!stop_requested() && next < jobs.size() && !free.empty()) {
      const Child child = prepare(jobs[next++], free.back());
      running.emplace(start(child, places[child.place]), child);
      free.pop_back();
    }
    if (stop_requested() && !passed_on) {
      for (const auto& [pid, child] : running) kill(pid, SIGTERM);
      passed_on = true;
    }
    if (stop_requested() && running.empty()) return false;
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (const auto ending = running.find(pid); ending != running.end()) {
      finish(ending->second, status);
      free.push_back(ending->second.place);
      running.erase(ending);
      ++ended;
    } else {
      tick(ended);
      usleep(200'000);
    }
  }
  tick(ended);
  return !stop_requested();
}

}  // namespace crc::apps
