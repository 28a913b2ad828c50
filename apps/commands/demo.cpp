// crc_train demo: the sweep of the recipe demo, CRC against random and entropy on built-in data, as a table and a chart.
#include <fmt/format.h>
#include <unistd.h>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/evidence/result_table.h"
#include "apps/evidence/sweep_report.h"
#include "apps/report/summary.h"
#include "apps/session/sweep_cells.h"
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

Cells all_cells(const Sweep& sweep) {
  Cells cells;
  for (const SweepCell& cell : sweep.cells()) cells.push_back(&cell);
  return cells;
}

void print_table(const std::vector<RunGroup>& groups) {
  print("\ntest accuracy in percent, mean ± standard deviation over seeds\n\n  labels");
  for (const RunGroup& group : groups) print("  {:>14}", group.name);
  print("\n");
  for (int64_t count : label_counts(groups)) {
    print("  {:>6}", count);
    for (const RunGroup& group : groups) print("  {:>14}", percent(at_labels(group, count, &RoundRow::acc_last), 1));
    print("\n");
  }
}

void show(const Sweep& sweep) {
  const fs::path out = sweep.directory();
  std::vector<RunRecord> records;
  for (const SweepRun& run : load_runs(sweep)) records.push_back(run.record);
  const std::vector<RunGroup> groups = group_runs(records);
  const LineChart chart = accuracy_chart(groups);
  print_table(groups);
  const bool color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
  print_drawing(fmt::format("\n{}\n", braille_plot(chart, 76, 14, color)));
  commit_file(out / "curves.png", chart_png(chart));
  commit_file(out / "curves.svg", chart_svg(chart, true));
  (void)write_sweep_report(sweep, out);
  print("report           {}\nlearning curves  {}\nqueried images   {}\n", (out / "report.html").string(),
        (out / "curves.png").string(), (out / "crc-s0/rounds/00/query.png").string());
  print("next             crc_train run cifar10 --set data.dir=<cifar-10-batches-bin> --dry-run\n");
}

int command_demo(const DemoOptions& options) {
  const SweepOptions what{.recipe = "demo", .settings = options.settings, .trials = options.seeds};
  (void)Outputs({fs::path(options.out) / "sweep.json"}, {.force = true, .inputs = {}, .makes_folders = true});
  const Sweep planned = Sweep::plan(options.out, what);
  check_cells(planned, all_cells(planned), {.anew = options.fresh});
  const Sweep sweep = Sweep::adopt(options.out, what, options.fresh);
  const int code = train_missing(sweep, all_cells(sweep), {.parallel = options.jobs});
  if (code == int(ExitCode::preempted)) return code;
  require_trained(sweep, code);
  show(sweep);
  return 0;
}

}  // namespace

void declare_demo(Command& program, CommandCall& call) {
  const auto o = std::make_shared<DemoOptions>();
  Command demo = program.command("demo", "CRC against random and entropy on built-in data");
  demo.examples(
      "  crc_train demo                             a few minutes; then demo/report.html\n"
      "  crc_train demo --out /tmp/demo --seeds 2   fewer curves, elsewhere\n");
  demo.option("--out", o->out, "directory of the demo's runs").shows_default();
  demo.option("--seeds", o->seeds, "curves per acquisition").in(1, 1000).shows_default();
  demo.option("--jobs", o->jobs, "curves trained at a time; 0: one per core").in(0, kMostThreads).shows_default();
  demo.flag("--fresh", o->fresh, "train again although the results are there");
  add_settings(demo, o->settings);
  demo.run([o, &call] { call.code = command_demo(*o); });
}

}  // namespace crc::apps
