#include "apps/watch/standing.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/rundir/run_dir.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr double kSilent = 900;  // seconds without a sign; report.interval is 30, and scoring may take minutes

double seconds_since_writing(const fs::path& run) {
  double age = kNone;
  for (const char* name : {"log.txt", "metrics.jsonl", "labels.jsonl", "manifest.json", "ckpt/index.json", "DONE",
                           "WAITING", "PREEMPTED", "run.json"}) {
    std::error_code error;
    const fs::file_time_type written = fs::last_write_time(run / name, error);
    if (error) continue;
    const double since = std::chrono::duration<double>(fs::file_time_type::clock::now() - written).count();
    age = std::isnan(age) ? since : std::min(age, since);
  }
  return age < 0 ? 0 : age;  // NaN stays
}

}  // namespace

std::string to_string(WatchState state) {
  switch (state) {
    case WatchState::running:
      return "running";
    case WatchState::silent:
      return "silent";
    case WatchState::killed:
      return "killed";
    case WatchState::preempted:
      return "stopped";
    case WatchState::waiting:
      return "waiting";
    case WatchState::damaged:
      return "damaged";
    case WatchState::gone:
      return "gone";
    case WatchState::done:
      return "done";
    case WatchState::to_come:
      return "to come";
  }
  return "";
}

WatchedRun::WatchedRun(fs::path run, std::string name) : follower_(std::move(run)) { standing_.name = std::move(name); }

WatchState WatchedRun::state() const {
  const fs::path& run = follower_.run();
  std::error_code error;
  if (!fs::exists(run / "run.json", error)) return seen_ ? WatchState::gone : WatchState::to_come;
  switch (marker_of(run)) {
    case Marker::done:
      return WatchState::done;
    case Marker::waiting:
      return WatchState::waiting;
    case Marker::preempted:
      return WatchState::preempted;
    default:
      break;
  }
  if (!course_) return WatchState::damaged;
  if (const std::optional<bool> lives = RunLock::holder_lives(run))
    return *lives ? WatchState::running : WatchState::killed;
  return standing_.age > kSilent ? WatchState::silent : WatchState::running;
}

void WatchedRun::read_config() try {
  const fs::path path = follower_.run() / "config.toml";
  if (course_ || !file_exists(path)) return;
  course_ = course_of(Config::of_run(read_file(path, 1 << 20), path.string()));
  standing_.rounds = course_->rounds - 1;
  standing_.epochs = course_->epochs;
} catch (const Error&) {
}

void WatchedRun::count_labels() try {
  const fs::path path = follower_.run() / "labels.jsonl";
  std::error_code error;
  const auto bytes = int64_t(fs::file_size(path, error));
  if (error || bytes == ledger_bytes_) return;
  ledger_bytes_ = bytes;
  standing_.labels = labels_through(parse_ledger(read_file(path), path).entries, kLastRound);
} catch (const std::exception&) {
}

const RunStanding& WatchedRun::look() {
  if (standing_.state == WatchState::done && fs::exists(follower_.run() / "DONE")) {
    standing_.age = seconds_since_writing(follower_.run());
    return standing_;
  }
  read_config();
  standing_.age = seconds_since_writing(follower_.run());
  standing_.state = state();
  seen_ = seen_ || standing_.state != WatchState::to_come;
  if (standing_.state == WatchState::gone) standing_.left = standing_.rate = kNone;
  if (standing_.state == WatchState::gone || standing_.state == WatchState::to_come || !course_) return standing_;
  follower_.look();
  count_labels();
  const bool done = standing_.state == WatchState::done, running = standing_.state == WatchState::running;
  const bool between = follower_.epochs() == 0 && follower_.step() == 0 && follower_.round() > 0 && !running;
  standing_.round = std::min(follower_.round() - (done || between), standing_.rounds);
  standing_.epoch = done || between ? follower_.finished().back().epochs : follower_.epochs();
  standing_.accuracy = follower_.accuracy();
  standing_.rate = running ? follower_.steps_per_second(*course_) : kNone;
  standing_.left = kNone;
  if (!running) return standing_;
  const Course course = follower_.as_measured(*course_);
  const Work left = work_left(course, follower_.place(course), usual_epochs(follower_.finished()));
  standing_.left = seconds_of(left, follower_.epoch_seconds(course), query_seconds(follower_.finished()));
  return standing_;
}

int64_t width_of(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](char c) { return (uint8_t(c) & 0xc0) != 0x80; });
}

namespace {

struct WatchColumn {
  const char* head;
  std::string (*cell)(const RunStanding&);
  int matters;  // the least goes first
};

std::string number_cell(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "";
}

bool has_begun(const RunStanding& run) { return run.rounds > 0 || run.epochs > 0; }

const WatchColumn kWatchColumns[] = {
    {"run", [](const RunStanding& run) { return shown(run.name); }, 100},
    {"state", [](const RunStanding& run) { return to_string(run.state); }, 90},
    {"round",
     [](const RunStanding& run) {
       return has_begun(run) ? fmt::format("{}/{}", run.round, run.rounds) : std::string();
     },
     50},
    {"epoch",
     [](const RunStanding& run) {
       return has_begun(run) ? fmt::format("{}/{}", run.epoch, run.epochs) : std::string();
     },
     40},
    {"accuracy", [](const RunStanding& run) { return number_cell(100 * run.accuracy, "{:.2f} %"); }, 80},
    {"labels", [](const RunStanding& run) { return run.labels > 0 ? fmt::format("{}", run.labels) : std::string(); },
     30},
    {"steps/s", [](const RunStanding& run) { return number_cell(run.rate, "{:.3g}"); }, 20},
    {"left", [](const RunStanding& run) { return std::isfinite(run.left) ? duration(run.left) : std::string(); }, 70},
    {"last sign", [](const RunStanding& run) { return std::isfinite(run.age) ? duration(run.age) : std::string(); },
     60},
};

std::string cut_to(const std::string& text, int64_t width) {
  if (width_of(text) <= width) return text;
  std::string out;
  int64_t count = 0;
  for (char c : text) {
    if ((uint8_t(c) & 0xc0) != 0x80 && ++count > width - 1) break;
    out += c;
  }
  return width > 0 ? out + "…" : "";
}

std::string counts_of(const std::vector<const RunStanding*>& runs) {
  std::map<WatchState, int> counts;
  for (const RunStanding* run : runs) ++counts[run->state];
  std::string text;
  for (const auto& [state, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(state));
  return text;
}

// Whoever is at work or needs somebody first, then those that are done, those to come last; in their order.
std::vector<const RunStanding*> most_telling(const std::vector<const RunStanding*>& runs, size_t count) {
  const auto urgency = [](const RunStanding* run) {
    return run->state == WatchState::to_come ? 2 : run->state == WatchState::done ? 1 : 0;
  };
  std::vector<const RunStanding*> chosen;
  for (int level = 0; level < 3; ++level)
    for (const RunStanding* run : runs)
      if (urgency(run) == level && chosen.size() < count) chosen.push_back(run);
  std::vector<const RunStanding*> in_order;
  for (const RunStanding* run : runs)
    if (std::ranges::count(chosen, run)) in_order.push_back(run);
  return in_order;
}

}  // namespace

std::vector<std::string> watch_table(const std::vector<RunStanding>& runs, int columns, int most) {
  constexpr int64_t kLeastName = 12, kGap = 2;
  std::vector<const RunStanding*> all;
  for (const RunStanding& run : runs) all.push_back(&run);
  const bool fits = most <= 0 || int64_t(all.size()) + 2 <= most;
  const std::vector<const RunStanding*> rows = fits ? all : most_telling(all, size_t(std::max(1, most - 2)));

  std::vector<std::vector<std::string>> cells(std::size(kWatchColumns));
  std::vector<int64_t> widths;
  for (size_t c = 0; c < std::size(kWatchColumns); ++c) {
    cells[c].emplace_back(kWatchColumns[c].head);
    for (const RunStanding* run : rows) cells[c].push_back(kWatchColumns[c].cell(*run));
    int64_t widest = 0;
    for (const std::string& cell : cells[c]) widest = std::max(widest, width_of(cell));
    widths.push_back(widest);
  }
  std::vector<size_t> drawn(std::size(kWatchColumns));
  for (size_t c = 0; c < drawn.size(); ++c) drawn[c] = c;
  const auto rest = [&] {  // what is left for the name
    int64_t width = columns;
    for (const size_t c : drawn)
      if (c > 0) width -= widths[c] + kGap;
    return width;
  };
  while (drawn.size() > 1 && rest() < std::min(widths[0], kLeastName))
    drawn.erase(std::ranges::min_element(drawn, {}, [](size_t c) { return kWatchColumns[c].matters; }));
  widths[0] = std::min(widths[0], std::max<int64_t>(1, rest()));

  std::vector<std::string> lines;
  for (size_t row = 0; row <= rows.size(); ++row) {
    std::string line;
    for (const size_t c : drawn) {
      const std::string cell = cut_to(cells[c][row], widths[c]);
      const std::string pad(size_t(widths[c] - width_of(cell)), ' ');
      line += c == 0 ? cell + pad : c == 1 ? "  " + cell + pad : "  " + pad + cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  const std::string hidden = fits ? "" : fmt::format(" ({} are not shown)", all.size() - rows.size());
  if (all.size() > 1) lines.push_back(cut_to(counts_of(all) + hidden, columns));
  return lines;
}

}  // namespace crc::apps
