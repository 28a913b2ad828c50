// crc_train report: any number of run and sweep directories as tables and figures.
#include "apps/report.h"

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/outputs.h"
#include "apps/result_table.h"
#include "apps/sweep_report.h"
#include "apps/terminal.h"
#include "kernels/core/error.h"

namespace crc::apps {

namespace {

std::string report_sweep(const ReportOptions& options, const std::string& directory) {
  const Sweep sweep = Sweep::open(directory);
  const fs::path out = options.out.empty() ? fs::path(directory)
                                           : fs::path(options.out) / fs::path(directory).lexically_normal().filename();
  return write_sweep_report(sweep, out, options.force || may_report_again(out, directory)) +
         fmt::format("\n{}\n\n", (out / "report.html").string());
}

std::string report_runs(const ReportOptions& options, const std::vector<std::string>& directories) {
  const fs::path own = directories.size() == 1 ? directories[0] : "";
  const fs::path out = !options.out.empty() ? fs::path(options.out) : own.empty() ? fs::path("report") : own;
  Outputs outputs({out / "report.html", out / "table.md", out / "table.csv", out / "accuracy.png"},
                  {.force = options.force || may_report_again(out, own), .inputs = {}, .makes_folders = true});
  std::vector<RunRecord> runs;
  for (const std::string& directory : directories) runs.push_back(load_run(directory));
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

}  // namespace

int command_report(const ReportOptions& options) {
  std::vector<std::string> runs;
  std::string text;
  for (const std::string& directory : options.directories)
    if (Sweep::is_sweep(directory))
      text += report_sweep(options, directory);
    else
      runs.push_back(directory);
  if (!runs.empty()) text += report_runs(options, runs);
  print_text(text);
  return 0;
}

}  // namespace crc::apps
