#include "apps/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>

#include "apps/signals.h"
#include "kernels/core/error.h"

extern char** environ;

namespace crc::apps {
namespace {

pid_t start(const Job& job) {
  std::vector<char*> argv{const_cast<char*>("crc_train")};
  for (const std::string& argument : job.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::string parent = "CRC_PARENT=" + std::to_string(getpid());
  std::vector<char*> environment{parent.data()};  // the first of a name counts
  for (char** variable = environ; *variable; ++variable) environment.push_back(*variable);
  environment.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, 2, job.error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/proc/self/exe", &files, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    fail(ExitCode::internal, std::string("cannot start a run as a child process: ") + std::strerror(error));
  return pid;
}

}  // namespace

void end_with_parent() {
  const char* parent = std::getenv("CRC_PARENT");
  if (!parent) return;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != std::atoi(parent)) raise(SIGTERM);  // it has died already
}

bool run_jobs(std::vector<Job>& jobs, int parallel, const std::function<void(int ended)>& tick) {
  const FinishFirst finish_first;  // the children end before this process does
  std::map<pid_t, Job*> running;
  size_t next = 0;
  int ended = 0;
  bool passed_on = false;
  while (next < jobs.size() || !running.empty()) {
    while (!stop_requested() && next < jobs.size() && int(running.size()) < parallel) {
      const pid_t pid = start(jobs[next]);
      running[pid] = &jobs[next++];
    }
    if (stop_requested() && !passed_on) {
      for (const auto& [pid, job] : running) kill(pid, SIGTERM);
      passed_on = true;
    }
    if (stop_requested() && running.empty()) return false;
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid > 0 && running.count(pid)) {
      running[pid]->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      running.erase(pid);
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
