// crc_train sweep: the missing cells of a recipe, as ordinary runs in child processes.
#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/evidence/stop_rule.h"
#include "apps/evidence/sweep_report.h"
#include "apps/jobs/job_file.h"
#include "apps/session/sweep_cells.h"
#include "data/text.h"
#include "data/utf8.h"
#include "kernels/core/error.h"
#include "kernels/core/threads.h"

namespace crc::apps {
namespace {

struct SweepCommandOptions {
  std::string recipe, out, only;
  std::vector<std::string> job_files = std::vector<std::string>(schedulers().size());  // empty: none
  bool force = false;                                                                  // of job files
  std::vector<std::string> settings, cells;
  int64_t trials = 0, pools = -1, jobs = 1, together = 1;
  std::string until;                 // "width < 1.0"
  double hours = 0;                  // with until
  std::vector<std::string> without;  // controls that are not wanted
  bool dry_run = false, quiet = false;
};

bool writes_job_files(const SweepCommandOptions& options) {
  return std::ranges::any_of(options.job_files, [](const std::string& file) { return !file.empty(); });
}

SweepOptions options_of(const SweepCommandOptions& o) {
  SweepOptions options{.recipe = o.recipe, .settings = o.settings, .trials = o.trials, .pools = o.pools};
  const std::vector<std::string> controls =
      parse_sweep(recipe_text(o.recipe), "recipe " + o.recipe).controls.value_or(kControls);
  for (const std::string& name : o.without)
    if (std::ranges::find(controls, name) == controls.end())
      fail(ExitCode::usage,
           fmt::format("--without {}: the controls of {} are {}", name, o.recipe, data::join(controls)));
  for (const std::string& control : controls)
    if (std::ranges::find(o.without, control) == o.without.end()) options.controls.push_back(control);
  if (!(o.hours >= 0)) fail(ExitCode::usage, fmt::format("--hours {}: a budget is 0 or more", o.hours));
  if (o.until.empty()) {
    if (o.hours > 0) fail(ExitCode::usage, "--hours is the budget of --until");
    return options;
  }
  if (!o.only.empty() || writes_job_files(o))
    fail(ExitCode::usage, "--until decides by all trials which come next: without --only and job files");
  options.until = parse_rule(o.until);
  options.until->hours = o.hours;
  return options;
}

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

void print_plan(const Sweep& sweep, const Cells& cells) {
  print("{} ({}): {} runs\n", sweep.spec().title, sweep.spec().source, cells.size());
  for (const SweepCell* cell : cells) {
    const Config config = sweep.config(*cell);
    const auto number = [&](const char* key) { return config.get<int64_t>(key); };
    const std::string& budgets = config.get<std::string>("acquisition.budgets");
    const std::string queries =
        budgets.empty() || number("acquisition.rounds") == 0
            ? fmt::format("+ {} x {}", number("acquisition.rounds"), number("acquisition.budget"))
            : "to " + budgets;
    print("  {:<9} {:<28} {} {} {}; {} {} labels; up to {} rounds of {} x {} steps{}\n", to_string(cell->phase),
          cell->name, config.get<std::string>("data.name"), config.get<std::string>("ssl.method"),
          config.get<std::string>("acquisition.name"), number("acquisition.initial"), queries,
          number("acquisition.rounds") + 1, number("ssl.epochs"), number("ssl.steps_per_epoch"),
          sweep.done(*cell) ? ", done" : "");
  }
}

void write_job_files(const SweepCommandOptions& options, const Sweep& sweep, Outputs& outputs) {
  const JobFile what{chosen_cells(sweep, options.only), fs::read_symlink("/proc/self/exe").string(), fs::current_path(),
                     options.together};
  for (size_t i = 0; i < schedulers().size(); ++i)
    outputs.put(options.job_files[i], job_file(*schedulers()[i], sweep, what));
  outputs.commit();
  for (const std::string& file : options.job_files)
    if (!file.empty()) print("{}: {} runs; submit with: bash {}\n", file, what.cells.size(), file);
}

// With --until also the trials that it adds. Whoever interrupts goes on where sweep.json stands.
int train_all(Sweep& sweep, const SweepCommandOptions& options) {
  const Labour labour{.parallel = options.jobs, .together = options.together, .quiet = options.quiet};
  while (true) {
    const int code = train_missing(sweep, chosen_cells(sweep, options.only), labour);
    if (code != 0 || !sweep.until()) return code;
    if (const std::string enough = why_enough(sweep); !enough.empty()) {
      sweep.end_trials(enough);
      return code;
    }
    sweep.add_trial();
  }
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
  Outputs job_files({options.job_files.begin(), options.job_files.end()},
                    {.force = options.force,
                     .inputs = {options.recipe, out / "recipe.toml", out / "sweep.json"},
                     .makes_folders = true});
  if (!options.dry_run)  // whether runs could be made there, before data sets are loaded
    (void)Outputs({out / "sweep.json"}, {.force = true, .inputs = {}, .makes_folders = true});
  const SweepOptions what = options_of(options);
  const Sweep planned = Sweep::plan(out, what);
  if (what.until) check_rule(planned);
  const Cells cells = chosen_cells(planned, options.only);
  check_cells(planned, cells, {.together = options.together, .here = !writes_job_files(options)});
  if (options.dry_run) {
    print_plan(planned, cells);
    return 0;
  }
  Sweep sweep = Sweep::create(out, what);
  if (writes_job_files(options)) {
    write_job_files(options, sweep, job_files);
    return 0;
  }
  const int code = train_all(sweep, options);
  if (code == int(ExitCode::preempted)) return code;
  const std::string table = write_sweep_report(sweep, out);
  print("{}\n{}\n", table, (out / "report.html").string());
  require_trained(sweep, code);
  return 0;
}

}  // namespace

void declare_sweep(Command& program, CommandCall& call) {
  const auto o = std::make_shared<SweepCommandOptions>();
  Command sweep =
      program.command("sweep", "all runs of a table or figure: method x block x trial; resumes what is there");
  sweep.examples(
      "  crc_train sweep table6 --dry-run                        which runs it has\n"
      "  crc_train sweep table6 --set data.dir=DIR --out t6      all of them; the same line goes on after a kill\n"
      "  crc_train sweep table6 --out t6 --only '^q50' --jobs 4  some of them, four at a time\n"
      "  crc_train sweep table6 --out t6 --slurm t6.sbatch       as a job array for Slurm\n");
  sweep.option("recipe", o->recipe, "recipe with a [sweep] (crc_train list), or a TOML file");
  sweep.option("--out", o->out, "directory of the runs; --dry-run needs none");
  add_settings(sweep, o->settings);
  sweep.option("--trials", o->trials, "runs per method instead of the recipe's").in(1, 1000);
  sweep.option("--pools", o->pools, "initial pools instead of the recipe's; 0: each trial draws its own").in(0, 1000);
  sweep.option("--until", o->until,
               "add trials until this holds: \"width < 1.0\", points of the widest 95 % interval of a difference");
  sweep.option("--hours", o->hours,
               "with --until: hours of computing, of all runs together, that may be spent (0: no limit)");
  sweep
      .option("--without", o->without,
              "leave out a control that a recipe without published numbers gets: random, margin")
      .repeated();
  sweep.option("--only", o->only, "only runs whose names match this regular expression");
  sweep.option("--jobs", o->jobs, "processes at a time, spread over the GPUs; 0: one per core")
      .in(0, kMostThreads)
      .shows_default();
  sweep.option("--together", o->together, "runs per process, a thread each: small nets then share a GPU")
      .in(1, 256)
      .shows_default();
  for (size_t i = 0; i < schedulers().size(); ++i)
    sweep.option("--" + std::string(schedulers()[i]->option), o->job_files[i],
                 fmt::format("write a job file for {} instead of running (docs/cluster.md)", schedulers()[i]->name));
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
