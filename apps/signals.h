// Asking a run to stop: SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 raise a flag that the training loop reads between steps,
// so it can commit a checkpoint and exit 75. A later signal ends the process at once with 128 + its number: the last
// commit stays valid. Signals that come together are one wish: a parent that dies signals once for each of its
// threads, and Ctrl-C in a terminal reaches a child both directly and through its parent.
#pragma once

#include <cstdint>
#include <string>

namespace crc::apps {

inline constexpr int64_t kSameWishNanoseconds = 500'000'000;

void install_signal_handlers();
bool stop_requested();
std::string stop_signal_name();  // "SIGTERM", or "" when nobody asked
void clear_stop_request();       // for tests and for programs that run several jobs

}  // namespace crc::apps
