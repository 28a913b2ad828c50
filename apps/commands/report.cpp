// crc_train report: any number of run and sweep directories as tables and figures.
#include "apps/report/report.h"

#include <fmt/format.h>

#include <set>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/evidence/result_table.h"
#include "apps/evidence/sweep_report.h"
#include "apps/report/verify_run.h"
#include "kernels/core/error.h"

namespace crc::apps {

namespace {

struct ReportOptions {
  std::vector<std::string> directories;
  std::string out;
  bool force = false;
};

std::string report_sweep(const ReportOptions& options, const std::string& directory) {
  const Sweep sweep = Sweep::open(directory);
  const fs::path out = options.out.empty() ? fs::path(directory)
                                           : fs::path(options.out) / fs::path(directory).lexically_normal().filename();
  return write_sweep_report(sweep, out, options.force || may_report_again(out, directory)) +
         fmt::format("\n{}\n\n", (out / "report.html").string());
}

// One run that counts twice makes a deviation out of nothing. A copy has the same ledger, and every round took as long.
void refuse_copies(const std::vector<RunRecord>& runs) {
  for (size_t b = 1; b < runs.size(); ++b)
    for (size_t a = 0; a < b; ++a) {
      std::error_code ignored;
      const bool same = fs::equivalent(runs[a].path, runs[b].path, ignored);
      const bool copy = !runs[a].rounds.empty() && runs[a].ledger_head == runs[b].ledger_head &&
                        rounds_to_csv(runs[a].rounds) == rounds_to_csv(runs[b].rounds);
      if (same || copy)
        fail(ExitCode::usage,
             fmt::format("{} and {} are {}: it would count as two trials; name it once", runs[a].path.string(),
                         runs[b].path.string(), same ? "one directory" : "one run and its copy"));
    }
}

std::string report_runs(const ReportOptions& options, const std::vector<std::string>& named) {
  const fs::path own = named.size() == 1 ? named[0] : "";
  const fs::path out = !options.out.empty() ? fs::path(options.out) : own.empty() ? fs::path("report") : own;
  Outputs outputs({out / "report.html", out / "table.md", out / "table.csv", out / "accuracy.png"},
                  {.force = options.force || may_report_again(out, own), .inputs = {}, .makes_folders = true});
  std::vector<RunRecord> runs;
  for (const std::string& directory : named)
    for (const fs::path& run : runs_in(directory)) runs.push_back(load_run(run));
  refuse_copies(runs);
  const std::vector<RunGroup> groups = group_runs(runs);
  const ResultTable table = make_table(groups);
  for (const RunRecord& run : runs)
    for (const std::string& note : run.notes) print_error("crc_train: {}\n", note);
  outputs.put(out / "report.html", report_html(runs));
  outputs.put(out / "table.md", markdown(table));
  outputs.put(out / "table.csv", csv(table));
  outputs.put(out / "accuracy.png", chart_png(accuracy_chart(groups)));
  outputs.commit();
  return markdown(table) + fmt::format("\n{}\n", (out / "report.html").string());
}

int command_report(const ReportOptions& options) {
  std::vector<std::string> runs;
  std::string text;
  std::set<fs::path> names;
  for (const std::string& directory : options.directories)
    if (const fs::path name = fs::path(directory).lexically_normal().filename();
        !options.out.empty() && Sweep::is_sweep(directory) && !names.insert(name).second)
      fail(ExitCode::usage, fmt::format("two sweeps are called {}: both reports would be {}; report them one by one",
                                        name.string(), (fs::path(options.out) / name).string()));
  for (const std::string& directory : options.directories)
    if (Sweep::is_sweep(directory))
      text += report_sweep(options, directory);
    else
      runs.push_back(directory);
  if (!runs.empty()) text += report_runs(options, runs);
  print_text(text);
  return 0;
}

}  // namespace

void declare_report(Command& program, CommandCall& call) {
  const auto o = std::make_shared<ReportOptions>();
  Command report = program.command("report", "tables and figures of runs and sweeps");
  report.option("directories", o->directories, "directories of runs, sweeps or demos").required();
  report.option("--out", o->out, "where to; default: the directory itself, or report/ for several runs");
  add_force(report, o->force);
  report.run([o, &call] { call.code = command_report(*o); });
}

}  // namespace crc::apps
