// What every program's main does, once.
#pragma once

#include <functional>

namespace crc::apps {

// Runs `body` as guarded_main does and ends the process with its code. Closed pipes and file size limits arrive as
// errors; stop signals are heeded (apps/signals.h); a library that ends the program for want of threads or memory ends
// it with words and 71; and the end does not wait for libraries' threads. `program` is a literal.
int run_program(const char* program, const std::function<int()>& body);

}  // namespace crc::apps
