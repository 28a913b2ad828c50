// Fault injection for tests: CRC_FAULT=op:k:action makes the k-th (from 1) I/O call of one kind fail.
//   op      open | write | fsync | rename | any
//   action  kill    SIGKILL instead of the call       torn    half of a write, then SIGKILL
//           enospc | eio   the call fails with errno  short   half of a write succeeds (legal: the writer must go on)
// apps/base/files.cpp calls next_fault() before every system call that changes the disk. Unset: a lock and a branch
// per call.
#pragma once

#include <cstdint>
#include <string_view>

namespace crc::apps {

enum class Io { open, write, fsync, rename };

struct Fault {
  int error = 0;            // errno that the call must return; 0: none
  bool shorten = false;     // write only half
  bool kill_after = false;  // then die
};

// Counts one call and says what must go wrong with it; `kill` does not return.
Fault next_fault(Io op);

// Arms as CRC_FAULT would and restarts the count; "" disarms. Error usage: not of the form above.
void arm_fault(std::string_view spec);
int64_t io_calls();  // counted since the last arm_fault (or the start)

}  // namespace crc::apps
