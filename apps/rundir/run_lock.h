// One run per directory: an flock on `.lock`, whose text names the holder, and one on the directory itself, which stays
// when somebody removes `.lock`. The kernel releases them when the process ends, however it ends, so a lock is never
// stale.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

class RunLock {
 public:
  // Error 73 naming the holder if another process has it; 73 if the file system cannot lock.
  explicit RunLock(const fs::path& directory);
  ~RunLock();
  RunLock(RunLock&& other) noexcept : directory_(std::move(other.directory_)), fds_(std::exchange(other.fds_, {})) {}
  RunLock& operator=(RunLock&&) = delete;

  // Locks a file as well that is never replaced: between the hosts of a network file system, where a directory's lock
  // is of one host alone.
  void include(const fs::path& file);

  // Whether the process that a directory's `.lock` names is there; nothing where it is of another machine, or of none.
  // Nothing is locked: by the file's text alone.
  static std::optional<bool> holder_lives(const fs::path& directory);

  static constexpr const char* kName = ".lock";

 private:
  RunLock() = default;
  void add(int fd, const fs::path& path, bool required);
  void release();

  fs::path directory_;
  std::vector<int> fds_;
};

std::string host_name();

}  // namespace crc::apps
