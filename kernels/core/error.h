// Errors that a user can read: what is wrong, with values and names, then what to do. The class decides the exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace crc {

// Exit codes of every program (docs/exit-codes.md); the values 64..78 follow BSD sysexits.
enum class ExitCode : int {
  ok = 0,
  waiting_for_labels = 10,
  usage = 64,
  corrupt_data = 65,
  input_missing = 66,
  device_unavailable = 69,
  internal = 70,
  out_of_memory = 71,
  output_refused = 73,  // exists, locked or not writable
  io = 74,              // I/O error or disk full
  preempted = 75,       // stopped after a good checkpoint
  numerical = 76,
  config = 78,
};

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

[[noreturn]] inline void fail(ExitCode code, const std::string& message) { throw Error(code, message); }

// For what only a mistake in this program can cause: a wrong shape, a view on the wrong device.
[[noreturn]] inline void fail_internal(const std::string& message) { throw Error(ExitCode::internal, message); }

}  // namespace crc
