// The one place where errors become words on stderr and an exit code.
#pragma once

#include <functional>
#include <string>

namespace crc::apps {

// Runs a body, of a program or of a run beside others. Every way out is an exit code of docs/exit-codes.md: what `body`
// returns, 74 where stdout did not take all of it, the code of a crc::Error, 71 for memory and threads, 70 for anything
// else. Messages read "crc_train: error: <what is wrong; what to do>". Needs no memory itself once something has been
// thrown.
int guarded_main(const std::string& program, const std::function<int()>& body);

}  // namespace crc::apps
