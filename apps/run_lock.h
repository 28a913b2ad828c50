// One run per directory: an flock on `.lock`, whose text names the holder. The kernel releases it when the process
// ends, however it ends, so a lock is never stale.
#pragma once

#include <string>

#include "apps/files.h"

namespace crc::apps {

class RunLock {
 public:
  // Error 73 naming the holder if another process has it; 73 if the file system cannot lock.
  explicit RunLock(const fs::path& directory);
  ~RunLock();
  RunLock(RunLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  RunLock& operator=(RunLock&&) = delete;

  static constexpr const char* kName = ".lock";

 private:
  int fd_ = -1;
};

std::string host_name();

}  // namespace crc::apps
