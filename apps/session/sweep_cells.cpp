#include "apps/session/sweep_cells.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <utility>

#include "apps/base/program.h"
#include "apps/base/progress.h"
#include "apps/base/signals.h"
#include "apps/session/crew.h"
#include "apps/session/training.h"
#include "apps/sweep/child.h"
#include "apps/sweep/gpus.h"
#include "apps/sweep/sweep.h"
#include "apps/train/checks.h"
#include "kernels/core/context.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

// Pools are compared by a test accuracy.
void check_measure(const Sweep& sweep, const SweepCell& cell, const data::Dataset& dataset) {
  if (cell.phase != Phase::pool) return;
  const Measure measure = sweep.spec().blocks[cell.block].measure;
  const char* lacking = !data::has_labels(dataset.test) ? "labelled test images"
                        : measure == Measure::validation && !data::has_labels(dataset.validation)
                            ? "data.validation_size"
                            : nullptr;
  if (lacking)
    fail(ExitCode::config,
         fmt::format("the methods start from the initial pool of median accuracy (measure \"{}\"), and there is none "
                     "without {}; with --pools 0 each trial draws its own pool",
                     word_of(measure), lacking));
}

// Of the process that trains `cells`. Error 66 when one of them needs a cell that is not done.
std::vector<std::string> arguments_of(const Sweep& sweep, const Cells& cells) {
  std::vector<std::string> list{"sweep", "--out", sweep.directory().string(), "--quiet"};
  for (const SweepCell* cell : cells) {
    const std::vector<std::string> alone = sweep.arguments(*cell);
    if (cells.size() == 1) return alone;
    list.push_back("--cell=" + cell->name);
  }
  return list;
}

std::string names_of_unfinished(const Sweep& sweep, const Cells& cells) {
  std::string names;
  for (const SweepCell* cell : cells)
    if (!sweep.done(*cell)) names += (names.empty() ? "" : ", ") + cell->name;
  return names;
}

std::vector<PlannedRun> runs_of(const Sweep& sweep, const Cells& cells) {
  std::vector<PlannedRun> runs;
  for (const SweepCell* cell : cells) runs.push_back(sweep.run_of(*cell));
  return runs;
}

// What a sweep shows while it runs: all its cells, whatever the phase.
class Display {
 public:
  Display(const Sweep& sweep, const Cells& cells, int64_t at_a_time, bool quiet)
      : count_(cells.size()),
        at_a_time_(at_a_time),
        cells_(runs_of(sweep, cells), at_a_time),
        progress(options_of(sweep, cells, quiet)) {}
  void update(Phase phase) {
    const int64_t done = cells_.done();
    const double left = cells_.seconds_left(seconds_since(start_));
    progress.update({.label = to_string(phase),
                     .done = done,
                     .total = cells_.total(),
                     .detail = fmt::format("{} of {} runs", cells_.finished(), count_),
                     .left = left});
    if (std::isnan(left) || std::exchange(warned_, true) || left < kLong) return;
    progress.warn(
        fmt::format("these runs take about {} here, {} at a time; fewer (--trials, --only), shorter ones "
                    "(ssl.epochs) or more machines (--slurm) make it shorter",
                    duration(left), at_a_time_));
  }

 private:
  static ProgressOptions options_of(const Sweep& sweep, const Cells& cells, bool quiet) {
    const double interval = sweep.config(*cells[0]).get<double>("report.interval");
    ProgressOptions options = ProgressOptions::for_stderr(quiet, interval, sweep.directory() / "log.txt");
    options.memory = std::numeric_limits<double>::infinity();
    return options;
  }
  static constexpr double kLong = 14 * 86400.0;  // seconds
  size_t count_;
  int64_t at_a_time_;
  CellProgress cells_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool warned_ = false;

 public:
  Progress progress;
};

// Where the processes of a sweep run; a cell that names one GPU must see them all.
std::vector<std::string> places_for(const Sweep& sweep, const Cells& cells, int64_t parallel) {
  for (const SweepCell* cell : cells)
    if (sweep.config(*cell).get<std::string>("run.device").starts_with("cuda:")) return spread({}, parallel);
  return spread(visible_gpus(), parallel);
}

// The missing ones among `cells` of one phase. One that fails harms no other; returns the first failure's code.
int run_phase(const Sweep& sweep, const Cells& cells, Phase phase, int64_t parallel, int64_t together,
              Display& display) {
  Cells missing;
  for (const SweepCell* cell : cells) {
    if (cell->phase != phase) continue;
    sweep.check(*cell);
    if (!sweep.done(*cell)) missing.push_back(cell);
  }
  if (missing.empty()) return 0;
  std::vector<Job> jobs;
  std::vector<Cells> of_job;
  const int64_t count = int64_t(missing.size());
  for (int64_t i = 0; i < count; i += together) {
    of_job.emplace_back(missing.begin() + i, missing.begin() + std::min(i + together, count));
    jobs.push_back({arguments_of(sweep, of_job.back())});
  }
  display.progress.line(fmt::format("{}: {} runs to go, {} at a time", to_string(phase), count, parallel * together));
  const bool complete = run_jobs(jobs, places_for(sweep, missing, parallel), [&](int) { display.update(phase); });
  int first = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].exit_code <= 0 || !complete) continue;
    const std::string how = jobs[i].exit_code > 128 ? fmt::format("was killed by signal {}", jobs[i].exit_code - 128)
                                                    : fmt::format("failed with exit code {}", jobs[i].exit_code);
    display.progress.warn(fmt::format("{} {}{}{}", names_of_unfinished(sweep, of_job[i]), how,
                                      jobs[i].words.empty() ? "" : ": ", jobs[i].words));
    if (first == 0) first = jobs[i].exit_code;
  }
  return complete ? first : int(ExitCode::preempted);
}

const SweepCell& cell_called(const Sweep& sweep, const std::string& name) {
  const auto cell = std::ranges::find(sweep.cells(), name, &SweepCell::name);
  if (cell == sweep.cells().end())
    fail(ExitCode::usage, fmt::format("{} has no cell \"{}\"; --dry-run lists them", sweep.directory().string(), name));
  return *cell;
}

int train_cell(const Sweep& sweep, const SweepCell& cell, bool quiet, const std::string& name, int gpu) {
  const std::vector<std::string> arguments = sweep.arguments(cell);
  std::vector<std::string> settings;
  for (size_t i = 2; i + 1 < arguments.size(); ++i)
    if (arguments[i] == "--set") settings.push_back(arguments[++i]);
  const ProgressOptions progress = ProgressOptions::for_stderr(quiet, 0, {}, name);
  if (arguments[0] == "resume") return int(continue_run(arguments[1], settings, progress, gpu));
  const NewRun run{.config = resolve_recipe(arguments[1], settings),
                   .directory = sweep.path(cell),
                   .arguments = arguments,
                   .gpu = gpu};
  return int(start_run(run, progress));
}

// A failure counts more than an interruption: whoever continues must look at it.
int worst(const std::vector<int>& codes) {
  int worst = 0;
  for (int code : codes)
    if (code != 0 && (worst == 0 || worst == int(ExitCode::preempted))) worst = code;
  return worst;
}

}  // namespace

void check_cells(const Sweep& sweep, const Cells& cells, const CellsToCome& how) {
  if (how.anew || !Sweep::is_sweep(sweep.directory())) sweep.check_names(cells);
  std::vector<NamedConfig> runs;
  Cells missing;
  for (const SweepCell* cell : cells) {
    Config config = sweep.config(*cell);
    check_processes(config, how.together > 1 ? 1 : int(config.get<int64_t>("run.ranks")));
    if (!how.anew && file_exists(sweep.path(*cell) / "run.json", Use::output)) continue;
    runs.push_back({cell->name, std::move(config)});
    missing.push_back(cell);
  }
  check_experiments(runs, [&](size_t i, const data::Dataset& dataset) {
    check_measure(sweep, *missing[i], dataset);
    check_cpu_precision(runs[i].config, how.here);
  });
}

int train_missing(const Sweep& sweep, const Cells& cells, const Labour& labour) {
  await_free(runs_of(sweep, cells));
  const int64_t parallel =
      labour.parallel > 0 ? labour.parallel : std::max<int64_t>(1, std::thread::hardware_concurrency());
  Display display(sweep, cells, parallel * labour.together, labour.quiet);
  int code = 0;
  for (Phase phase : {Phase::pool, Phase::trial, Phase::reconfirm})
    if (code == 0) code = run_phase(sweep, cells, phase, parallel, labour.together, display);
  if (code == int(ExitCode::preempted))
    display.progress.line(
        fmt::format("stopped; the same command continues where the runs stand, crc_train report {} shows it",
                    sweep.directory().string()));
  return code;
}

void require_trained(const Sweep& sweep, int code) {
  if (code == 0) return;
  fail(ExitCode(code), fmt::format("some runs of {} failed, see above; what they wrote is kept, and the same command "
                                   "tries them again",
                                   sweep.directory().string()));
}

int train_cells(const Sweep& sweep, const std::vector<std::string>& names, bool quiet) {
  std::vector<const SweepCell*> cells;
  for (const std::string& name : names) cells.push_back(&cell_called(sweep, name));
  end_with_parent();
  if (cells.size() == 1) return train_cell(sweep, *cells[0], quiet, {}, 0);
  const int cores = std::max(1, omp_get_max_threads() / int(cells.size())), gpus = std::max(1, Context::gpus());
  std::vector<int> codes(cells.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < cells.size(); ++i)
      threads.emplace_back([&, i] {
        omp_set_num_threads(cores);  // of this thread: what run.threads = 0 means in it
        codes[i] = guarded_main("crc_train: " + sweep.path(*cells[i]).string(),
                                [&] { return train_cell(sweep, *cells[i], quiet, cells[i]->name, int(i) % gpus); });
        if (codes[i] != 0 && codes[i] != int(ExitCode::preempted)) stop_with(codes[i]);
        stop_if_asked();
      });
  }
  return worst(codes);
}

}  // namespace crc::apps
