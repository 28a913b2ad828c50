#include "apps/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Somebody may have removed the file between our open and our lock: then we hold a lock on nothing.
bool still_named(int fd, const fs::path& path) {
  struct stat ours, named;
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

RunLock::RunLock(const fs::path& directory) {
  const fs::path path = directory / kName;
  for (;;) {
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) {
      fail(ExitCode::output_refused, fmt::format("cannot create {}: {}; choose a directory that you may write to",
                                                 path.string(), std::generic_category().message(errno)));
    }
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      ::close(fd_);
      fd_ = -1;
      if (error != EWOULDBLOCK) {
        fail(ExitCode::output_refused,
             fmt::format("cannot lock {}: {}; this file system cannot keep two runs apart, choose another directory",
                         path.string(), std::generic_category().message(error)));
      }
      const std::string holder = first_line(path);
      fail(ExitCode::output_refused,
           fmt::format("{} is in use by {}; wait for it to end, stop it, or choose another directory",
                       directory.string(), holder.empty() ? "another process" : holder));
    }
    if (still_named(fd_, path)) break;
    ::close(fd_);
  }
  const std::string text = fmt::format("process {} on {}, boot {}, since {}\n", ::getpid(), host_name(),
                                       first_line("/proc/sys/kernel/random/boot_id"), utc_now());
  // Only a courtesy to the one who is refused: a failure changes nothing.
  if (::ftruncate(fd_, 0) == 0) (void)!::pwrite(fd_, text.data(), text.size(), 0);
}

RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace crc::apps
