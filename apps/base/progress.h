// Where a run stands. On a terminal: one live line on stderr, at most 5 times a second, with rate and time left. In a
// pipe or a batch job: a plain line with the ISO time every `interval` seconds and for every message, no colour, no
// carriage return. Plain lines also go to log.txt. stdout is never touched.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <string>

#include "apps/base/files.h"
#include "kernels/core/interrupt.h"

namespace crc::apps {

struct ProgressState;

struct ProgressOptions {
  bool terminal = false;  // redraw one line in place
  bool color = false;
  bool quiet = false;    // nothing on stderr but warnings; log.txt as always
  std::string name;      // of a run beside others in one process: begins its lines on stderr, all plain
  double interval = 30;  // seconds between plain lines of update()
  double memory = 20;    // seconds over which the rate is smoothed; infinite: its mean since the first update()
  int columns = 80;
  fs::path log;                                   // empty: none
  std::function<void(const std::string&)> write;  // where the bytes go; stderr by default
  // For a host program instead of stderr: every update(); every message, and whether it is a warning; whether to stop.
  std::function<void(const ProgressState&)> on_update;
  std::function<void(const std::string&, bool warning)> on_message;
  std::function<bool()> stop;         // stop_requested() by default
  std::function<double()> seconds;    // a clock; monotonic by default
  std::function<std::string()> time;  // utc_now by default

  // What fits stderr now: is it a terminal, how wide, is NO_COLOR set, TERM dumb.
  static ProgressOptions for_stderr(bool quiet, double interval, const fs::path& log, const std::string& name = {});
};

// One call of update(): `label` says what is running ("round 2/5 epoch 17/350"), `done` of `total` units are finished
// (steps of the whole run), `detail` is the rest ("loss_x 0.31 mask 82%").
struct ProgressState {
  std::string label;
  int64_t done = 0, total = 0;
  std::string detail;
  // Units per second and seconds left, by somebody who knows the work; NaN: as measured from `done`.
  double rate = std::numeric_limits<double>::quiet_NaN(), left = std::numeric_limits<double>::quiet_NaN();
};

struct Stopped {};  // thrown out of a computation that was asked to stop: whatever is not training is done again

class Progress {
 public:
  explicit Progress(ProgressOptions options);
  ~Progress();                              // clears the live line
  void update(const ProgressState& state);  // cheap: may be called every step
  void line(const std::string& message);    // an event that stays: an evaluation, a query, a checkpoint
  void warn(const std::string& message);    // "warning: ..."; shown even when quiet
  void note(const std::string& message);    // in log.txt alone
  bool stop_asked() const;                  // by a signal, or by whom this tells
  Interruptible stoppable() const;          // while it lives, this thread's ops throw Stopped when that is so

 private:
  void put(const std::string& message, bool show);
  void clear();
  void measure(int64_t done, double now);
  double seconds_left(const ProgressState& state, double now) const;
  ProgressOptions options_;
  double last_drawn_ = -1e30, last_plain_ = -1e30;
  std::string last_label_;                   // drawn
  double rate_ = 0, rate_time_ = 0;          // units per second, smoothed, and when it was measured
  double first_time_ = 0, rate_passed_ = 0;  // of the first update(); how long the last measurement took
  int64_t rate_done_ = -1;
  bool live_ = false;
};

double seconds_since(std::chrono::steady_clock::time_point start);
std::string duration(double seconds);  // "8s", "4m05s", "3h12m", "2d03h"

}  // namespace crc::apps
