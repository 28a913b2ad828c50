#include "apps/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace crc::apps {
namespace {

std::atomic<int> g_signal = 0;  // written by a handler, on any thread; read by every run of the process
static_assert(std::atomic<int>::is_always_lock_free);

std::atomic<int64_t> g_asked = 0;  // when, in nanoseconds

int64_t now() {  // may be called in a handler
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

extern "C" void on_stop_signal(int number) {
  int nobody = 0;
  if (g_signal.compare_exchange_strong(nobody, number))
    g_asked = now();
  else if (const int64_t asked = g_asked; asked != 0 && now() - asked > kSameWishNanoseconds)
    _exit(128 + number);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;  // a signal must not turn a half-done write into an error
  sigemptyset(&action.sa_mask);
  for (int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaction(number, &action, nullptr);
}

bool stop_requested() { return g_signal != 0; }

std::string stop_signal_name() {
  switch (g_signal) {
    case 0:
      return "";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "SIGUSR2";
  }
}

void clear_stop_request() {
  g_asked = 0;
  g_signal = 0;
}

}  // namespace crc::apps
