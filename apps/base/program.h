// What every program's main does, once, and the one place where errors become words on stderr and an exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

// Starts this program once more, as a child process with this command line (the program's name first), which
// end_with_parent() ends when this process dies. `environment`: "NAME=value", which count before this process's own.
// `open`: descriptors that it gets, {here, there}, or {-1, there} for /dev/null; its standard input is empty. Error
// out_of_memory or internal, whose words begin "cannot start <what>".
int start_again(const std::vector<std::string>& command_line, std::vector<std::string> environment,
                std::span<const std::pair<int, int>> open, const std::string& what);
// For what may be such a child: asks itself to stop when the parent dies, so that the parent's successor finds its runs
// saved and free. Call once, in the main thread: every thread that calls would add a signal, and a second one may end
// the process at once.
void end_with_parent();

int64_t machine_memory();  // bytes; 0: unknown

}  // namespace crc::apps
