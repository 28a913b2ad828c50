// Asking a program to stop: SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2. The first takes effect at the first moment at
// which it costs nothing. That is at once, with exit code 75, in whatever loop or library the program is: files are
// committed whole, and a run continues from what is committed. Only what must come to its end is waited for: a training
// step with its checkpoint, a file half written (FinishFirst). A later signal ends the process at once with 128 + its
// number: the last commit stays valid. Signals that come together are one wish: a parent that dies signals once for
// each of its threads, and Ctrl-C in a terminal reaches a child both directly and through its parent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace crc::apps {

inline constexpr int64_t kSameWishNanoseconds = 500'000'000;

void install_signal_handlers(const char* program);  // whose name, a literal, begins the words at the end
bool stop_requested();
std::string stop_signal_name();  // "SIGTERM", or "" when nobody asked
void clear_stop_request();       // for tests

// While one lives, on any thread, a stop is only noted: whoever has it looks at stop_requested() and comes to an end.
class FinishFirst {
 public:
  FinishFirst();
  ~FinishFirst();
  FinishFirst(const FinishFirst&) = delete;
  FinishFirst& operator=(const FinishFirst&) = delete;
};

// Ends the process now if a stop was asked for and nothing has to be finished first any more: for those that had a
// FinishFirst and go on.
void stop_if_asked();

// With what code the process then ends instead of 75: that of a run beside others which failed before.
void stop_with(int code);

// While one lives: what the end of a stopped process leaves (a file of this name) and says (how to go on).
class StopNote {
 public:
  StopNote(const std::filesystem::path& marker, const std::string& advice);
  ~StopNote();
  StopNote(const StopNote&) = delete;
  StopNote& operator=(const StopNote&) = delete;

 private:
  int place_ = -1;
};

}  // namespace crc::apps
