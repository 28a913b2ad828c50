// crc_train demo: CRC against random and entropy on built-in data, several seeds, as ordinary runs in child processes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <thread>

#include "apps/base/json.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/report/report.h"
#include "apps/report/summary.h"
#include "apps/sweep/cells.h"
#include "apps/sweep/child.h"
#include "apps/sweep/sweep.h"
#include "apps/train/checks.h"
#include "data/text.h"
#include "kernels/core/error.h"
#include "kernels/core/threads.h"

namespace crc::apps {
namespace {

struct DemoOptions {
  std::string out = "runs/demo";
  int64_t seeds = 4;
  int64_t jobs = 0;  // curves trained at a time; 0: one per core
  bool fresh = false;
  std::vector<std::string> settings;
};

constexpr const char* kAcquisitions[] = {"random", "entropy", "crc"};

struct Cell {
  std::string acquisition;
  int64_t seed;
  fs::path directory;
  std::vector<std::string> settings;

  CellRun run() const { return {.directory = directory, .config = resolve_recipe("demo", settings)}; }
};

std::vector<Cell> cells_of(const DemoOptions& options) {
  std::vector<Cell> cells;
  for (int64_t seed = 0; seed < options.seeds; ++seed)
    for (const char* acquisition : kAcquisitions) {
      Cell cell{acquisition, seed, fs::path(options.out) / fmt::format("{}-s{}", acquisition, seed), options.settings};
      for (const std::string& setting : {fmt::format("acquisition.name={}", acquisition),
                                         fmt::format("run.seed={}", seed), std::string("run.threads=1")})
        cell.settings.push_back(setting);
      cells.push_back(std::move(cell));
    }
  return cells;
}

std::vector<CellRun> runs_of(const std::vector<Cell>& cells) {
  std::vector<CellRun> runs;
  for (const Cell& cell : cells) runs.push_back(cell.run());
  return runs;
}

std::vector<std::string> arguments_of(const Cell& cell) {
  if (file_exists(cell.directory / "run.json")) return {"resume", cell.directory.string(), "--quiet"};
  std::vector<std::string> arguments{"run", "demo", "--quiet", "--out", cell.directory.string()};
  for (const std::string& setting : cell.settings) arguments.insert(arguments.end(), {"--set", setting});
  return arguments;
}

// What the missing ones would be refused for, before the first begins.
void check_start(const std::vector<Cell>& cells, const DemoOptions& options) {
  std::vector<NamedConfig> runs;
  for (const Cell& cell : cells) {
    if (!options.fresh && fs::exists(cell.directory / "run.json")) continue;
    runs.push_back({cell.directory.filename().string(), cell.run().config});
  }
  check_experiments(runs);
}

bool is_cell_name(const std::string& name) {
  return std::ranges::any_of(kAcquisitions, [&](const std::string& acquisition) {
    return name.starts_with(acquisition + "-s") &&
           data::parse<int64_t>(std::string_view(name).substr(acquisition.size() + 2));
  });
}

// Whether a demo, with whatever settings, made this run: by its arguments, which nobody else has.
bool is_of_a_demo(const fs::path& run) {
  const auto facts = read_run_json(run);
  const auto arguments = facts.value("arguments", nlohmann::ordered_json::array());
  if (!arguments.is_array() || arguments.size() < 6) return false;
  return arguments[1] == "run" && arguments[2] == "demo" && arguments[3] == "--quiet" && arguments[4] == "--out" &&
         arguments.back() == "run.threads=1";
}

// Error 73 for a directory where other runs are.
void refuse_others(const fs::path& out) {
  if (!file_exists(out, Use::output)) return;
  const auto refuse = [&](const fs::path& path, const char* what) {
    fail(ExitCode::output_refused,
         fmt::format("{} is {}; name another directory for the demo: --out DIR", path.string(), what));
  };
  if (file_exists(out / "run.json")) refuse(out, "a run's directory");
  if (Sweep::is_sweep(out)) refuse(out, "a sweep's directory");
  for (const fs::path& entry : list_folder(out, Use::output)) {
    if (!file_exists(entry / "run.json")) continue;
    if (!is_cell_name(entry.filename().string()) || !is_of_a_demo(entry)) refuse(entry, "a run that no demo made");
  }
}

fs::path removed_name(const Cell& cell) {
  return cell.directory.parent_path() / ("." + cell.directory.filename().string() + ".removed");
}

void remove_directory(const fs::path& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (error) data::fail_system(Use::output, "removing", directory, error.value());
}

// Makes room for new runs; all of the old ones stay when somebody works on one (73).
void remove_runs(const std::vector<Cell>& cells) {
  std::vector<RunLock> locks;
  for (const Cell& cell : cells)
    if (file_exists(cell.directory / "run.json")) locks.emplace_back(cell.directory);
  for (const Cell& cell : cells) {
    if (!file_exists(cell.directory / "run.json")) continue;
    // Renamed first: a run that is half removed would be in the way.
    std::error_code error;
    fs::rename(cell.directory, removed_name(cell), error);
    if (error) data::fail_system(Use::output, "renaming", cell.directory, error.value());
    remove_directory(removed_name(cell));
  }
}

void check(const Cell& cell) {
  try {
    check_cell(cell.run());
  } catch (const Error& error) {
    fail(error.code(), std::string(error.what()) + ", or train again with --fresh");
  }
}

// Runs what is not there yet. Error as the first cell that failed, with the end of its words.
void train(const std::vector<Cell>& cells, const DemoOptions& options) {
  std::vector<CellRun> runs = runs_of(cells);
  std::vector<Job> jobs;
  for (const Cell& cell : cells)
    if (marker_of(cell.directory) != Marker::done) jobs.push_back({arguments_of(cell)});
  if (jobs.empty()) return;
  const int64_t rounds = runs[0].config.get<int64_t>("acquisition.rounds") + 1;
  const double interval = runs[0].config.get<double>("report.interval");
  const int parallel = options.jobs > 0 ? int(options.jobs) : int(std::max(1u, std::thread::hardware_concurrency()));
  ProgressOptions shown = ProgressOptions::for_stderr(false, std::min(interval, 10.0), {});
  shown.memory = std::numeric_limits<double>::infinity();
  Progress progress(shown);
  progress.line(fmt::format("training {} curves of {} rounds, {} at a time", jobs.size(), rounds, parallel));
  CellProgress done(std::move(runs));
  const bool complete = run_jobs(jobs, parallel, [&](int ended) {
    progress.update({.label = "demo",
                     .done = done.done(),
                     .total = done.total(),
                     .detail = fmt::format("{} of {} curves", ended, jobs.size())});
  });
  if (!complete) fail(ExitCode::preempted, "stopped; the same command continues where the runs stand");
  for (const Job& job : jobs)
    if (job.exit_code != 0)
      fail(ExitCode(job.exit_code),
           fmt::format("a run of the demo failed with exit code {}: {}", job.exit_code, job.words));
}

void print_table(const std::vector<RunGroup>& groups) {
  const std::vector<int64_t> labels = label_counts(groups);
  print("\ntest accuracy in percent, mean ± standard deviation over seeds\n\n  labels");
  for (const RunGroup& group : groups) print("  {:>14}", group.name);
  print("\n");
  for (int64_t count : labels) {
    print("  {:>6}", count);
    for (const RunGroup& group : groups) {
      const MeanStd m = at_labels(group, count, &RoundRow::acc_last);
      print("  {:>14}", percent(m, 1));
    }
    print("\n");
  }
}

int command_demo(const DemoOptions& options) {
  const std::vector<Cell> cells = cells_of(options);
  const fs::path out = options.out;
  refuse_others(out);  // before .lock is created in somebody's directory
  check_start(cells, options);
  make_directories(out);
  const RunLock lock(out);
  remove_stale_temporaries(out);
  for (const Cell& cell : cells) {
    remove_directory(removed_name(cell));           // a demo --fresh was killed
    remove_file(cell.directory.string() + ".err");  // of earlier versions
  }
  await_free(runs_of(cells));
  if (options.fresh) remove_runs(cells);
  for (const Cell& cell : cells) check(cell);
  train(cells, options);

  std::vector<RunRecord> records;
  for (const Cell& cell : cells) records.push_back(load_run(cell.directory));
  const std::vector<RunGroup> groups = group_runs(records);
  const LineChart chart = accuracy_chart(groups);
  print_table(groups);
  const bool color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
  print_drawing(fmt::format("\n{}\n", braille_plot(chart, 76, 14, color)));
  commit_file(out / "curves.png", chart_png(chart));
  commit_file(out / "curves.svg", chart_svg(chart, true));
  commit_file(out / "report.html", report_html(records));
  print("report           {}\nlearning curves  {}\nqueried images   {}\n", (out / "report.html").string(),
        (out / "curves.png").string(), (out / "crc-s0/rounds/00/query.png").string());
  print("next             crc_train run cifar10 --set data.dir=<cifar-10-batches-bin> --dry-run\n");
  return 0;
}

}  // namespace

void declare_demo(Command& program, CommandCall& call) {
  const auto o = std::make_shared<DemoOptions>();
  Command demo = program.command("demo", "CRC against random and entropy on built-in data");
  demo.option("--out", o->out, "directory of the demo's runs").shows_default();
  demo.option("--seeds", o->seeds, "curves per acquisition").in(1, 1000).shows_default();
  demo.option("--jobs", o->jobs, "curves trained at a time; 0: one per core").in(0, kMostThreads).shows_default();
  demo.flag("--fresh", o->fresh, "train again although the results are there");
  add_settings(demo, o->settings);
  demo.run([o, &call] { call.code = command_demo(*o); });
}

}  // namespace crc::apps
