#include "apps/base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "apps/base/signals.h"
#include "apps/base/terminal.h"

namespace crc::apps {
namespace {

constexpr double kRedraw = 0.2;       // seconds: 5 per second is as much as an eye follows
constexpr double kRateMinimum = 0.5;  // seconds between two measurements of it

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string rate_text(double rate) {
  return rate >= 100 ? fmt::format("{:.0f}/s", rate) : fmt::format("{:.3g}/s", rate);
}

}  // namespace

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string duration(double seconds) {
  const int64_t s = int64_t(std::llround(std::max(0.0, std::min(seconds, 1e12))));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

ProgressOptions ProgressOptions::for_stderr(bool quiet, double interval, const fs::path& log, const std::string& name) {
  ProgressOptions options;
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  options.name = name;
  options.terminal = name.empty() && ::isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
  options.color = options.terminal && !(no_color && *no_color);
  winsize size{};
  if (options.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.columns = size.ws_col;
  options.quiet = quiet;
  options.interval = interval;
  options.log = log;
  return options;
}

Progress::Progress(ProgressOptions options) : options_(std::move(options)) {
  if (!options_.write) options_.write = draw_message;
  if (!options_.seconds) options_.seconds = monotonic_seconds;
  if (!options_.time) options_.time = utc_now;
  if (!options_.log.empty() && !fs::exists(options_.log)) commit_file(options_.log, "");
}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (live_) options_.write("\r\x1b[K");
  live_ = false;
}

// Work that is told of in large pieces (a sweep's evaluations) says nothing about the rate until the next piece is
// done.
void Progress::measure(int64_t done, double now) {
  if (rate_done_ < 0 || done < rate_done_) {
    rate_done_ = done;
    rate_time_ = first_time_ = now;
    rate_ = 0;
    if (last_plain_ < 0) last_plain_ = now;  // the first plain line comes after one interval
  } else if (const double passed = now - rate_time_; done > rate_done_ && passed >= kRateMinimum) {
    const double measured = double(done - rate_done_) / passed;
    const double weight = std::max(1 - std::exp(-passed / options_.memory), passed / (now - first_time_));
    rate_ += weight * (measured - rate_);
    rate_done_ = done;
    rate_time_ = now;
    rate_passed_ = passed;
  }
}

// Counts down between two measurements, as long as the next one is not overdue.
double Progress::seconds_left(const ProgressState& state, double now) const {
  return std::max(0.0, double(state.total - rate_done_) / rate_ - std::min(now - rate_time_, rate_passed_));
}

void Progress::update(const ProgressState& state) {
  if (options_.on_update) options_.on_update(state);
  const double now = options_.seconds();
  measure(state.done, now);
  const bool due = now - last_drawn_ >= kRedraw || state.label != last_label_;
  const bool draw = options_.terminal && !options_.quiet && due;
  const bool print = now - last_plain_ >= options_.interval;
  if (!draw && !print) return;

  std::string text = shown(state.label);
  const size_t label = text.size();
  if (state.total > 0) text += fmt::format(" | {:.1f}%", 100.0 * double(state.done) / double(state.total));
  const double rate = std::isfinite(state.rate) ? state.rate : rate_;
  if (rate > 0) text += " | " + rate_text(rate);
  if (std::isfinite(state.left))
    text += " | " + duration(state.left) + " left";
  else if (rate_ > 0 && state.total > state.done)
    text += " | " + duration(seconds_left(state, now)) + " left";
  if (!state.detail.empty()) text += " | " + shown(state.detail);
  if (print) {
    last_plain_ = now;
    put(text, !options_.terminal && !options_.quiet);
  }
  if (draw) {
    last_drawn_ = now;
    last_label_ = state.label;
    live_ = true;
    text = text.substr(0, size_t(std::max(1, options_.columns - 1)));  // a wrapped line could not be redrawn
    if (options_.color && text.size() >= label) {
      text = "\x1b[1m" + text.substr(0, label) + "\x1b[0m" + text.substr(label);
    }
    options_.write("\r" + text + "\x1b[K");
  }
}

void Progress::line(const std::string& message) {
  if (options_.on_message) options_.on_message(message, false);
  put(message, !options_.quiet);
}

void Progress::warn(const std::string& message) {
  if (options_.on_message) options_.on_message(message, true);
  put("warning: " + message, !options_.on_message);
}

bool Progress::stop_asked() const { return options_.stop ? options_.stop() : stop_requested(); }

Interruptible Progress::stoppable() const {
  return Interruptible([this] {
    if (stop_asked()) throw Stopped();
  });
}

void Progress::note(const std::string& message) { put(message, false); }

void Progress::put(const std::string& message, bool show) {
  const std::string time = options_.time() + " ", line = shown(message) + "\n";
  if (show) {
    clear();
    const std::string named = options_.name.empty() ? line : options_.name + ": " + line;
    options_.write(options_.terminal ? named : time + named);
  }
  if (!options_.log.empty()) append_text(options_.log, time + line, Durable::no);
}

}  // namespace crc::apps
