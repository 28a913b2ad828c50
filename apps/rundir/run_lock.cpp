#include "apps/rundir/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <regex>
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

constexpr const char* kBoot = "/proc/sys/kernel/random/boot_id";  // another after every start of the machine

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

RunLock::RunLock(const fs::path& directory) : RunLock() {  // from here on the destructor runs, whatever is thrown
  directory_ = directory;
  const fs::path path = directory / kName;
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) data::fail_system(Use::output, "opening", directory, errno);
  add(folder, directory, /*required=*/false);
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0) data::fail_system(Use::output, "creating", path, errno);
    add(fd, path, /*required=*/true);
    if (still_named(fd, path)) break;
    ::close(fd);
    fds_.pop_back();
  }
  const std::string text =
      fmt::format("process {} on {}, boot {}, since {}\n", ::getpid(), host_name(), first_line(kBoot), utc_now());
  // Only a courtesy to the one who is refused: a failure changes nothing.
  if (::ftruncate(fds_.back(), 0) == 0) (void)!::pwrite(fds_.back(), text.data(), text.size(), 0);
}

std::optional<bool> RunLock::holder_lives(const fs::path& directory) {
  static const std::regex pattern(R"(process (\d+) on (.*), boot (\S*), since .*)");
  std::smatch match;
  const std::string line = first_line(directory / kName);
  if (!std::regex_match(line, match, pattern) || match[2] != host_name()) return std::nullopt;
  if (match[3] != first_line(kBoot)) return false;
  return ::kill(std::stoi(match[1]), 0) == 0 || errno == EPERM;
}

void RunLock::include(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) data::fail_system(Use::output, "opening", file, errno);
  add(fd, file, /*required=*/false);
}

// Takes the descriptor. Where another process holds the lock, or a required one is impossible, all are released.
void RunLock::add(int fd, const fs::path& path, bool required) {
  fds_.push_back(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  if (error != EWOULDBLOCK && !required) return;
  release();
  if (error != EWOULDBLOCK)
    fail(ExitCode::output_refused,
         fmt::format("cannot lock {}: {}; this file system cannot keep two runs apart, choose another directory",
                     path.string(), std::generic_category().message(error)));
  const std::string holder = first_line(directory_ / kName);
  fail(ExitCode::output_refused,
       fmt::format("{} is in use by {}; wait for it to end, stop it, or choose another directory", directory_.string(),
                   holder.empty() ? "another process" : holder));
}

void RunLock::release() {
  for (int fd : std::exchange(fds_, {})) ::close(fd);
}

RunLock::~RunLock() { release(); }

}  // namespace crc::apps
