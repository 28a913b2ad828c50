// crc_train report: any number of run and sweep directories as tables and figures.
#include "apps/report.h"

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/result_table.h"
#include "apps/sweep_report.h"
#include "kernels/core/error.h"

namespace crc::apps {

int command_report(const ReportOptions& options) {
  std::vector<RunRecord> runs;
  std::string text;
  for (const std::string& directory : options.directories) {
    if (Sweep::is_sweep(directory)) {
      const Sweep sweep = Sweep::open(directory);
      const fs::path out = options.out.empty()
                               ? fs::path(directory)
                               : fs::path(options.out) / fs::path(directory).lexically_normal().filename();
      make_directories(out);
      text += write_sweep_report(sweep, out) + fmt::format("\n{}\n\n", (out / "report.html").string());
    } else {
      runs.push_back(load_run(directory));
    }
  }
  if (!runs.empty()) {
    const fs::path out = !options.out.empty() ? fs::path(options.out) : runs.size() == 1 ? runs[0].path : "report";
    make_directories(out);
    const std::vector<RunGroup> groups = group_runs(runs);
    const ResultTable table = make_table(groups);
    for (const RunRecord& run : runs)
      for (const std::string& note : run.notes) fmt::print(stderr, "crc_train: {}\n", note);
    commit_file(out / "report.html", report_html(runs));
    commit_file(out / "table.md", markdown(table));
    commit_file(out / "table.csv", csv(table));
    commit_file(out / "accuracy.png", chart_png(accuracy_chart(groups)));
    text += markdown(table) + fmt::format("\n{}\n", (out / "report.html").string());
  }
  fmt::print("{}", text);
  return 0;
}

}  // namespace crc::apps
