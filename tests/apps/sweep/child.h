// Runs code in a forked child that may be killed or fail; the parent sees how it ended.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "apps/base/fault.h"
#include "kernels/core/error.h"

namespace crc::apps::test {

struct Ending {
  bool killed = false;
  int code = 0;  // exit code, when not killed
};

// 0 when `action` returns, an Error's code when it throws one. `fault` as in CRC_FAULT.
inline Ending in_child(const std::string& fault, const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      arm_fault(fault);
      action();
      ::_exit(0);
    } catch (const Error& error) {
      ::_exit(int(error.code()));
    } catch (...) {
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {.killed = WIFSIGNALED(status), .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

// How many I/O calls `action` makes.
inline int64_t count_io(const std::function<void()>& action) {
  arm_fault("");
  action();
  return io_calls();
}

}  // namespace crc::apps::test
