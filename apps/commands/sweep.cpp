// crc_train sweep: the missing cells of a recipe, as ordinary runs in child processes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <regex>

#include "apps/base/outputs.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/commands/sweep_cells.h"
#include "apps/report/sweep_report.h"
#include "apps/rundir/run_dir.h"
#include "apps/sweep/child.h"
#include "apps/sweep/slurm.h"
#include "apps/train/checks.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

struct SweepCommandOptions {
  std::string recipe, out, only, slurm;
  bool force = false;  // of slurm
  std::vector<std::string> settings, cells;
  int64_t trials = 0, pools = -1, jobs = 1, together = 1;
  bool dry_run = false, quiet = false;
};

using Cells = std::vector<const SweepCell*>;

Cells chosen_cells(const Sweep& sweep, const std::string& only) {
  Cells chosen;
  std::regex pattern;
  try {
    pattern = std::regex(only, std::regex::extended);
  } catch (const std::regex_error&) {
    fail(ExitCode::usage, "--only \"" + only + "\" is no regular expression");
  }
  for (const SweepCell& cell : sweep.cells())
    if (only.empty() || std::regex_search(cell.name, pattern)) chosen.push_back(&cell);
  if (chosen.empty()) fail(ExitCode::usage, "no cell's name matches --only \"" + only + "\"; --dry-run lists them");
  return chosen;
}

// Pools are compared by a test accuracy.
void check_measure(const Sweep& sweep, const SweepCell& cell, const data::Dataset& dataset) {
  if (cell.phase != Phase::pool) return;
  const std::string& measure = sweep.spec().blocks[cell.block].measure;
  const char* lacking = !data::has_labels(dataset.test)                                    ? "labelled test images"
                        : measure == "validation" && !data::has_labels(dataset.validation) ? "data.validation_size"
                                                                                           : nullptr;
  if (lacking)
    fail(ExitCode::config,
         fmt::format("the methods start from the initial pool of median accuracy (measure \"{}\"), and there is none "
                     "without {}; with --pools 0 each trial draws its own pool",
                     measure, lacking));
}

// What any of them would be refused for, before the first begins.
void check_cells(const Sweep& sweep, const Cells& cells) {
  std::vector<NamedConfig> runs;
  Cells missing;
  for (const SweepCell* cell : cells) {
    if (fs::exists(sweep.path(*cell) / "run.json")) continue;
    runs.push_back({cell->name, sweep.config(*cell)});
    missing.push_back(cell);
  }
  check_experiments(runs, [&](size_t i, const data::Dataset& dataset) { check_measure(sweep, *missing[i], dataset); });
}

void print_plan(const Sweep& sweep, const Cells& cells) {
  print("{} ({}): {} runs\n", sweep.spec().title, sweep.spec().source, cells.size());
  for (const SweepCell* cell : cells) {
    const Config config = sweep.config(*cell);
    const auto number = [&](const char* key) { return config.get<int64_t>(key); };
    print("  {:<9} {:<28} {} {} {}; {} + {} x {} labels; up to {} rounds of {} x {} steps{}\n", to_string(cell->phase),
          cell->name, config.get<std::string>("data.name"), config.get<std::string>("ssl.method"),
          config.get<std::string>("acquisition.name"), number("acquisition.initial"), number("acquisition.rounds"),
          number("acquisition.budget"), number("acquisition.rounds") + 1, number("ssl.epochs"),
          number("ssl.steps_per_epoch"), sweep.done(*cell) ? ", done" : "");
  }
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

std::vector<CellRun> runs_of(const Sweep& sweep, const Cells& cells) {
  std::vector<CellRun> runs;
  for (const SweepCell* cell : cells) runs.push_back(sweep.run_of(*cell));
  return runs;
}

// What a sweep shows while it runs: all its cells, whatever the phase.
class Display {
 public:
  Display(const Sweep& sweep, const Cells& cells, bool quiet)
      : count_(cells.size()), cells_(runs_of(sweep, cells)), progress(options_of(sweep, cells, quiet)) {}
  void update(Phase phase) {
    const int64_t done = cells_.done();
    progress.update({.label = to_string(phase),
                     .done = done,
                     .total = cells_.total(),
                     .detail = fmt::format("{} of {} runs", cells_.finished(), count_)});
  }

 private:
  static ProgressOptions options_of(const Sweep& sweep, const Cells& cells, bool quiet) {
    const double interval = sweep.config(*cells[0]).get<double>("report.interval");
    ProgressOptions options = ProgressOptions::for_stderr(quiet, interval, sweep.directory() / "log.txt");
    options.memory = std::numeric_limits<double>::infinity();
    return options;
  }
  size_t count_;
  CellProgress cells_;

 public:
  Progress progress;
};

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
  const bool complete = run_jobs(jobs, int(parallel), [&](int) { display.update(phase); });
  int first = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].exit_code <= 0 || !complete) continue;
    display.progress.warn(fmt::format("{} failed with exit code {}: {}", names_of_unfinished(sweep, of_job[i]),
                                      jobs[i].exit_code, jobs[i].words));
    if (first == 0) first = jobs[i].exit_code;
  }
  return complete ? first : int(ExitCode::preempted);
}

int command_sweep(const SweepCommandOptions& options) {
  if (options.out.empty() && !options.dry_run)
    fail(ExitCode::usage, "--out is required: the directory of the runs; see crc_train sweep --help");
  const fs::path out = options.out.empty() ? fs::path("runs") / fs::path(options.recipe).stem() : fs::path(options.out);
  if (!data::is_utf8(out.string()))
    fail(ExitCode::usage, fmt::format("--out {}: the name is not UTF-8, and the runs' configurations name it; choose "
                                      "another directory",
                                      options.out));
  if (!options.cells.empty()) return train_cells(Sweep::open(out), options.cells, options.quiet);
  const SweepOptions what{options.recipe, options.settings, options.trials, options.pools};
  Outputs script({options.slurm}, {.force = options.force,
                                   .inputs = {options.recipe, out / "recipe.toml", out / "sweep.json"},
                                   .makes_folders = true});
  if (!options.dry_run)  // whether runs could be made there, before data sets are loaded
    (void)Outputs({out / "sweep.json"}, {.force = true, .inputs = {}, .makes_folders = true});
  const Sweep planned = Sweep::plan(out, what);
  check_cells(planned, chosen_cells(planned, options.only));
  if (options.dry_run) {
    print_plan(planned, chosen_cells(planned, options.only));
    return 0;
  }
  const Sweep sweep = Sweep::create(out, what);
  if (!options.slurm.empty()) {
    script.put(options.slurm, slurm_script(sweep, fs::read_symlink("/proc/self/exe").string(), options.together));
    script.commit();
    print("{}: {} runs; submit with: bash {}\n", options.slurm, sweep.cells().size(), options.slurm);
    return 0;
  }
  const Cells cells = chosen_cells(sweep, options.only);
  await_free(runs_of(sweep, cells));
  Display display(sweep, cells, options.quiet);
  int code = 0;
  for (Phase phase : {Phase::pool, Phase::trial, Phase::reconfirm}) {
    code = run_phase(sweep, cells, phase, options.jobs, options.together, display);
    if (code != 0) break;
  }
  if (code == int(ExitCode::preempted)) {
    display.progress.line(fmt::format(
        "stopped; the same command continues where the runs stand, crc_train report {} shows it", out.string()));
    return code;
  }
  const std::string table = write_sweep_report(sweep, out);
  print("{}\n{}\n", table, (out / "report.html").string());
  if (code != 0)
    fail(ExitCode(code), fmt::format("some runs of {} failed, see above; what they wrote is kept, and the same command "
                                     "tries them again",
                                     out.string()));
  return code;
}

}  // namespace

void declare_sweep(Command& program, CommandCall& call) {
  const auto o = std::make_shared<SweepCommandOptions>();
  Command sweep =
      program.command("sweep", "all runs of a table or figure: method x block x trial; resumes what is there");
  sweep.option("recipe", o->recipe, "recipe with a [sweep] (crc_train list), or a TOML file");
  sweep.option("--out", o->out, "directory of the runs; --dry-run needs none");
  add_settings(sweep, o->settings);
  sweep.option("--trials", o->trials, "runs per method instead of the recipe's").in(1, 1000);
  sweep.option("--pools", o->pools, "initial pools instead of the recipe's; 0: each trial draws its own").in(0, 1000);
  sweep.option("--only", o->only, "only runs whose names match this regular expression");
  sweep.option("--jobs", o->jobs, "processes at a time").in(1, 4096).shows_default();
  sweep.option("--together", o->together, "runs per process, a thread each: small nets then share one GPU")
      .in(1, 256)
      .shows_default();
  sweep.option("--slurm", o->slurm, "write a Slurm job file instead of running");
  add_force(sweep, o->force);
  sweep.option("--cell", o->cells, "run this cell of a sweep that exists, in this process; may be repeated").repeated();
  sweep.flag("--dry-run", o->dry_run, "list the runs and stop");
  sweep.flag("--quiet,-q", o->quiet, "no progress, only errors");
  sweep.run([o, &call] {
    if (o->recipe.empty() && o->cells.empty()) fail(ExitCode::usage, "sweep needs a recipe's name; see crc_train list");
    call.code = command_sweep(*o);
  });
}

}  // namespace crc::apps
