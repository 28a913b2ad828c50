// crc_train watch: a live table of runs, by their files alone.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <list>
#include <set>
#include <thread>

#include "apps/base/signals.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/report/verify_run.h"
#include "apps/sweep/sweep.h"
#include "apps/watch/standing.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

struct WatchOptions {
  std::vector<std::string> directories;
  double interval = 2;
  bool once = false;
};

// The runs of the directories, those that come later too.
class Watchlist {
 public:
  explicit Watchlist(const std::vector<std::string>& directories) : directories_(directories) {
    for (const std::string& directory : directories_) {
      if (!Sweep::is_sweep(directory) && !looks_like_run(runs_in(directory).front()))
        fail(ExitCode::input_missing,
             fmt::format("{} is neither a run's directory nor a sweep's; check the path", directory));
      find(directory);
    }
  }

  std::vector<RunStanding> look() {
    for (const std::string& directory : directories_) find(directory);
    std::vector<RunStanding> standings;
    for (WatchedRun& run : runs_) standings.push_back(run.look());
    return standings;
  }

 private:
  void find(const std::string& directory) try {
    if (!file_exists(directory)) return;
    std::vector<fs::path> runs;
    if (Sweep::is_sweep(directory)) {
      const Sweep sweep = Sweep::open(directory);
      for (const SweepCell& cell : sweep.cells()) runs.push_back(sweep.path(cell));
    } else {
      runs = runs_in(directory);
    }
    for (const fs::path& run : runs) {
      if (!known_.insert(run).second) continue;
      const fs::path below = run.lexically_relative(directory);
      const std::string own = below == "." ? directory : below.string();
      runs_.emplace_back(run, directories_.size() > 1 && below != "." ? (fs::path(directory) / below).string() : own);
    }
  } catch (const Error&) {
    if (known_.empty()) throw;  // else it vanished, or is written just now
  }

  std::vector<std::string> directories_;
  std::set<fs::path> known_;
  std::list<WatchedRun> runs_;
};

// One frame over the one before. Of a terminal that became narrower meanwhile, the lines have been wrapped.
class Frames {
 public:
  void draw(const std::vector<RunStanding>& runs) {
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    const int columns = known ? size.ws_col : 80, rows = known ? size.ws_row : 24;
    int64_t up = 0;
    for (const int64_t width : widths_) up += std::max<int64_t>(1, (width + columns - 1) / columns);
    std::string text = up > 0 ? fmt::format("\x1b[{}A\r\x1b[J", up) : "";
    widths_.clear();
    for (const std::string& line : watch_table(runs, columns - 1, std::max(3, rows - 1))) {
      text += line + "\n";
      widths_.push_back(width_of(line));
    }
    print_drawing(text);
  }

 private:
  std::vector<int64_t> widths_;  // of the lines that stand there
};

// Done, or nothing is left to look at.
bool is_over(const std::vector<RunStanding>& runs) {
  return std::ranges::all_of(
      runs, [](const RunStanding& run) { return run.state == WatchState::done || run.state == WatchState::gone; });
}

int command_watch(const WatchOptions& options) {
  Watchlist list(options.directories);
  const char* term = std::getenv("TERM");
  if (options.once || !::isatty(STDOUT_FILENO) || !term || std::string_view(term) == "dumb") {
    for (const std::string& line : watch_table(list.look(), 1 << 20)) print("{}\n", line);
    return 0;
  }
  const FinishFirst until_asked;  // Ctrl-C is how one stops looking
  Frames frames;
  for (;;) {
    const std::vector<RunStanding> runs = list.look();
    frames.draw(runs);
    if (is_over(runs)) return 0;
    const auto next = std::chrono::steady_clock::now() + std::chrono::duration<double>(options.interval);
    while (std::chrono::steady_clock::now() < next) {
      if (stop_requested()) return 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

}  // namespace

void declare_watch(Command& program, CommandCall& call) {
  const auto o = std::make_shared<WatchOptions>();
  Command watch = program.command("watch", "a live table of runs and sweeps: how far, how good, how long still");
  watch.option("directories", o->directories, "directories of runs, sweeps or demos").required();
  watch.option("--interval", o->interval, "seconds between two looks").between(0.1, 3600).shows_default();
  watch.flag("--once", o->once, "print the table once; so it is where stdout is no terminal");
  watch.run([o, &call] { call.code = command_watch(*o); });
}

}  // namespace crc::apps
