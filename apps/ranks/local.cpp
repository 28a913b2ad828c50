#include "apps/ranks/local.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <omp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "apps/base/program.h"
#include "apps/ranks/sockets.h"

namespace crc::apps {
namespace {

// Each two of them have a pair of sockets, all of which are open here at the start.
void check_open_files(int size) {
  constexpr rlim_t kOthers = 64;  // files of the program itself
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const auto files = [&](int processes) { return rlim_t(processes) * rlim_t(processes - 1) + kOthers; };
  int most = 1;
  while (files(most + 1) <= limit.rlim_cur) ++most;
  if (size > most)
    fail(ExitCode::config,
         fmt::format("run.ranks = {}: so many processes of one machine need {} open files at the start, and the limit "
                     "is {} (ulimit -n), enough for {}; raise it, take fewer, or start them by mpirun",
                     size, files(size), limit.rlim_cur, most));
}

class Local : public Transport {
 public:
  Local(int size, const std::vector<std::string>& command_line) {
    check_open_files(size);
    std::vector<std::vector<int>> mesh = socket_mesh(size);
    for (const std::vector<int>& row : mesh)
      for (const int fd : row)
        if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets_ = socket_transport(0, mesh[0]);
    try {
      for (int r = 1; r < size; ++r) start(r, mesh[size_t(r)], command_line);
    } catch (...) {
      leave(mesh);
      end();
      throw;
    }
    leave(mesh);
  }
  ~Local() override { end(); }
  int rank() const override { return 0; }
  int size() const override { return sockets_->size(); }
  void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) override {
    sockets_->swap(out, in);
  }
  bool peeks() const override { return sockets_->peeks(); }
  int64_t peek(int from, std::span<char> to) override { return sockets_->peek(from, to); }
  bool gone() const override { return sockets_->gone(); }

 private:
  void start(int rank, const std::vector<int>& sockets, const std::vector<std::string>& command_line) {
    std::vector<std::string> environment{fmt::format("CRC_RANKS={}:{}", rank, fmt::join(sockets, ","))};
    if (!std::getenv("OMP_NUM_THREADS"))
      environment.push_back(fmt::format("OMP_NUM_THREADS={}", omp_get_max_threads()));
    std::vector<std::pair<int, int>> open;
    for (const int fd : sockets)
      if (fd >= 0) open.emplace_back(fd, fd);  // kept open, unlike those of the others
    processes_.push_back(start_again(command_line, environment, open,
                                     fmt::format("process {} of {} (run.ranks)", rank, sockets.size())));
  }
  static void leave(const std::vector<std::vector<int>>& mesh) {
    for (size_t r = 1; r < mesh.size(); ++r)
      for (const int fd : mesh[r])
        if (fd >= 0) ::close(fd);
  }
  void end() {
    sockets_.reset();  // what the others wait for
    for (const pid_t process : processes_)
      while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
      }
  }

  std::unique_ptr<Transport> sockets_;
  std::vector<pid_t> processes_;
};

}  // namespace

std::unique_ptr<Transport> local_transport(int size, const std::vector<std::string>& command_line) {
  if (!std::getenv("OMP_NUM_THREADS")) omp_set_num_threads(std::max(1, omp_get_max_threads() / size));
  return std::make_unique<Local>(size, command_line);
}

}  // namespace crc::apps
