// crc_train demo: CRC against random and entropy on built-in data, several seeds, as ordinary runs in child processes.
#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "apps/checks.h"
#include "apps/child.h"
#include "apps/commands/commands.h"
#include "apps/progress.h"
#include "apps/recipes.h"
#include "apps/report.h"
#include "apps/summary.h"
#include "apps/terminal.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr const char* kAcquisitions[] = {"random", "entropy", "crc"};

struct Cell {
  std::string acquisition;
  int64_t seed;
  fs::path directory;
};

std::vector<Cell> cells_of(const DemoOptions& options) {
  std::vector<Cell> cells;
  for (int64_t seed = 0; seed < options.seeds; ++seed)
    for (const char* acquisition : kAcquisitions)
      cells.push_back({acquisition, seed, fs::path(options.out) / fmt::format("{}-s{}", acquisition, seed)});
  return cells;
}

std::vector<std::string> arguments_of(const Cell& cell, const DemoOptions& options) {
  if (fs::exists(cell.directory / "run.json")) return {"resume", cell.directory.string(), "--quiet"};
  std::vector<std::string> arguments{"run", "demo", "--quiet", "--out", cell.directory.string()};
  for (const std::string& setting : options.settings) arguments.insert(arguments.end(), {"--set", setting});
  for (const std::string& setting :
       {"acquisition.name=" + cell.acquisition, "run.seed=" + std::to_string(cell.seed), std::string("run.threads=1")})
    arguments.insert(arguments.end(), {"--set", setting});
  return arguments;
}

// What the missing ones would be refused for, before the first begins.
void check(const std::vector<Cell>& cells, const DemoOptions& options) {
  std::vector<NamedConfig> runs;
  for (const Cell& cell : cells) {
    if (!options.fresh && fs::exists(cell.directory / "run.json")) continue;
    std::vector<std::string> settings = options.settings;
    settings.push_back("acquisition.name=" + cell.acquisition);
    runs.push_back({cell.directory.filename().string(), resolve_recipe("demo", settings)});
  }
  check_experiments(runs);
}

int64_t finished_rounds(const std::vector<Cell>& cells) {
  int64_t rounds = 0;
  for (const Cell& cell : cells)
    if (fs::exists(cell.directory / "rounds.csv"))
      rounds += int64_t(rounds_from_csv(read_file(cell.directory / "rounds.csv"), "rounds.csv").size());
  return rounds;
}

// Runs what is not there yet. Error as the first cell that failed, with the end of its words.
void train(const std::vector<Cell>& cells, const DemoOptions& options) {
  std::vector<Job> jobs;
  for (const Cell& cell : cells)
    if (marker_of(cell.directory) != Marker::done)
      jobs.push_back({arguments_of(cell, options), cell.directory.string() + ".err"});
  if (jobs.empty()) return;
  const int64_t rounds = resolve_recipe("demo", options.settings).get<int64_t>("acquisition.rounds") + 1;
  const int parallel = options.jobs > 0 ? int(options.jobs) : int(std::max(1u, std::thread::hardware_concurrency()));
  Progress progress(ProgressOptions::for_stderr(false, 10, {}));
  progress.line(fmt::format("training {} curves of {} rounds, {} at a time", jobs.size(), rounds, parallel));
  const bool complete = run_jobs(jobs, parallel, [&](int ended) {
    progress.update({.label = "demo",
                     .done = finished_rounds(cells),
                     .total = rounds * int64_t(cells.size()),
                     .detail = fmt::format("{} of {} curves", ended, jobs.size())});
  });
  if (!complete) fail(ExitCode::preempted, "stopped; the same command continues where the runs stand");
  for (const Job& job : jobs) {
    if (job.exit_code != 0)
      fail(ExitCode(job.exit_code),
           fmt::format("a run of the demo failed with exit code {}: {}", job.exit_code, read_file(job.error_file)));
    remove_file(job.error_file);
  }
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

}  // namespace

int command_demo(const DemoOptions& options) {
  const std::vector<Cell> cells = cells_of(options);
  check(cells, options);
  make_directories(options.out);
  if (options.fresh)
    for (const Cell& cell : cells)
      if (fs::exists(cell.directory / "run.json")) fs::remove_all(cell.directory);
  train(cells, options);

  std::vector<RunRecord> records;
  for (const Cell& cell : cells) records.push_back(load_run(cell.directory));
  const fs::path out = options.out;
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

}  // namespace crc::apps
