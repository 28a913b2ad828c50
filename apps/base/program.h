// What every program's main does, once, and the one place where errors become words on stderr and an exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace crc::apps {

// Runs a body, of a program or of a run beside others. Every way out is an exit code of docs/exit-codes.md: what `body`
// returns, 74 where stdout did not take all of it, the code of a crc::Error, 71 for memory and threads, 70 for anything
// else. Messages read "crc_train: error: <what is wrong; what to do>". Needs no memory itself once something has been
// thrown.
int guarded_main(const std::string& program, const std::function<int()>& body);

// Runs `body` as guarded_main does and ends the process with its code. Closed pipes and file size limits arrive as
// errors; stop signals are heeded (apps/base/signals.h); a library that ends the program for want of threads or memory
// ends it with words and 71; and the end does not wait for libraries' threads. `program` is a literal.
int run_program(const char* program, const std::function<int()>& body);

int64_t machine_memory();  // bytes; 0: unknown

}  // namespace crc::apps
