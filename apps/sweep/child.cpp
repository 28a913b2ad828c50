#include "apps/sweep/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>

#include "apps/base/signals.h"
#include "kernels/core/error.h"

extern char** environ;

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

pid_t start(const Child& child, std::string place) {
  const Job& job = *child.job;
  std::vector<char*> argv{const_cast<char*>("crc_train")};
  for (const std::string& argument : job.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::string parent = "CRC_PARENT=" + std::to_string(getpid());
  std::vector<char*> environment{parent.data()};  // the first of a name counts
  if (!place.empty()) environment.push_back(place.data());
  for (char** variable = environ; *variable; ++variable) environment.push_back(*variable);
  environment.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, child.words, 2);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/proc/self/exe", &files, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    fail(error == EAGAIN || error == ENOMEM ? ExitCode::out_of_memory : ExitCode::internal,
         std::string("cannot start a run as a child process: ") + std::strerror(error));
  return pid;
}

}  // namespace

void end_with_parent() {
  const char* parent = std::getenv("CRC_PARENT");
  if (!parent) return;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != std::atoi(parent)) raise(SIGTERM);  // it has died already
}

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
