#include "apps/base/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::atomic<int> g_signal = 0;  // written by a handler, on any thread; read by every run of the process
static_assert(std::atomic<int>::is_always_lock_free);

std::atomic<int64_t> g_asked = 0;  // when, in nanoseconds

constexpr int kEnding = -1;
std::atomic<int> g_unfinished = 0;  // how many FinishFirst live, or kEnding
std::atomic<int> g_code = int(ExitCode::preempted);
const char* g_name = "crc";

struct Note {
  std::string marker, advice;
};
constexpr int kNotes = 512;  // more runs than one process ever has
std::atomic<const Note*> g_notes[kNotes];

const char* name_of(int number) {
  switch (number) {
    case 0:
      return "";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "SIGUSR2";
  }
}

// What follows may be called in a handler.

int64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

void put(int fd, const char* text) { (void)!::write(fd, text, strlen(text)); }

void leave_notes() {
  bool advised = false;
  for (const std::atomic<const Note*>& place : g_notes) {
    const Note* note = place;
    if (!note) continue;
    if (const int fd = ::open(note->marker.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); fd >= 0) {
      put(fd, "stopped by ");
      put(fd, name_of(g_signal));
      put(fd, "\n");
      ::close(fd);
    }
    put(STDERR_FILENO, advised ? "; " : ", ");
    put(STDERR_FILENO, note->advice.c_str());
    advised = true;
  }
  if (!advised) put(STDERR_FILENO, ", the same command starts anew");
}

void end_unless_unfinished() {
  int none = 0;
  if (!g_unfinished.compare_exchange_strong(none, kEnding)) return;
  put(STDERR_FILENO, g_name);
  put(STDERR_FILENO, ": stopped by ");
  put(STDERR_FILENO, name_of(g_signal));
  put(STDERR_FILENO, "; nothing is lost");
  leave_notes();
  put(STDERR_FILENO, "\n");
  _exit(g_code);
}

extern "C" void on_stop_signal(int number) {
  int nobody = 0;
  if (g_signal.compare_exchange_strong(nobody, number)) {
    g_asked = now();
    end_unless_unfinished();
  } else if (const int64_t asked = g_asked; asked != 0 && now() - asked > kSameWishNanoseconds) {
    _exit(128 + number);
  }
}

}  // namespace

void install_signal_handlers(const char* program) {
  g_name = program;
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;  // a signal must not turn a half-done write into an error
  sigemptyset(&action.sa_mask);
  for (int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    if (number == SIGHUP && before.sa_handler == SIG_IGN) continue;  // nohup
    sigaction(number, &action, nullptr);
  }
}

bool stop_requested() { return g_signal != 0; }

std::string stop_signal_name() { return name_of(g_signal); }

void clear_stop_request() {
  g_asked = 0;
  g_signal = 0;
}

FinishFirst::FinishFirst() {
  int count = g_unfinished;
  do {
    while (count == kEnding) ::pause();  // another thread is about to end the process
  } while (!g_unfinished.compare_exchange_weak(count, count + 1));
}
FinishFirst::~FinishFirst() { --g_unfinished; }

void stop_if_asked() {
  if (stop_requested()) end_unless_unfinished();
}

void stop_with(int code) { g_code = code; }

StopNote::StopNote(const std::filesystem::path& marker, const std::string& advice) {
  const Note* note = new Note{marker.string(), advice};
  for (int place = 0; place < kNotes && place_ < 0; ++place) {
    const Note* empty = nullptr;
    if (g_notes[place].compare_exchange_strong(empty, note)) place_ = place;
  }
  if (place_ < 0) delete note;
}
StopNote::~StopNote() {
  const FinishFirst not_ending;  // nobody reads it now
  if (place_ >= 0) delete g_notes[place_].exchange(nullptr);
}

}  // namespace crc::apps
