// crc_train report: any number of run and sweep directories as tables and figures.
#include "apps/report/report.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <set>
#include <thread>

#include "apps/base/outputs.h"
#include "apps/base/signals.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/evidence/result_table.h"
#include "apps/evidence/sweep_report.h"
#include "apps/report/verify_run.h"
#include "apps/rundir/run_dir.h"
#include "kernels/core/error.h"

namespace crc::apps {

namespace {

struct ReportOptions {
  std::vector<std::string> directories;
  std::string out;
  bool force = false, live = false;
  double interval = 15;  // seconds, of live
};

int seconds_of(const ReportOptions& options) { return std::max(1, int(std::lround(options.interval))); }

std::string report_sweep(const ReportOptions& options, const std::string& directory, int reload_s) {
  const Sweep sweep = Sweep::open(directory);
  const fs::path out = options.out.empty() ? fs::path(directory)
                                           : fs::path(options.out) / fs::path(directory).lexically_normal().filename();
  return write_sweep_report(sweep, out, options.force || may_report_again(out, directory), reload_s) +
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

std::string report_runs(const ReportOptions& options, const std::vector<std::string>& named, int reload_s) {
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
  outputs.put(out / "report.html", report_html(runs, reload_s));
  outputs.put(out / "table.md", markdown(table));
  outputs.put(out / "table.csv", csv(table));
  outputs.put(out / "accuracy.png", chart_png(accuracy_chart(groups)));
  outputs.commit();
  return markdown(table) + fmt::format("\n{}\n", (out / "report.html").string());
}

void refuse_two_of_a_name(const ReportOptions& options) {
  std::set<fs::path> names;
  for (const std::string& directory : options.directories)
    if (const fs::path name = fs::path(directory).lexically_normal().filename();
        !options.out.empty() && Sweep::is_sweep(directory) && !names.insert(name).second)
      fail(ExitCode::usage, fmt::format("two sweeps are called {}: both reports would be {}; report them one by one",
                                        name.string(), (fs::path(options.out) / name).string()));
}

// As they stand now; returns the tables.
std::string write_reports(const ReportOptions& options, int reload_s) {
  std::vector<std::string> runs;
  std::string text;
  for (const std::string& directory : options.directories)
    if (Sweep::is_sweep(directory))
      text += report_sweep(options, directory, reload_s);
    else
      runs.push_back(directory);
  if (!runs.empty()) text += report_runs(options, runs, reload_s);
  return text;
}

bool all_done(const ReportOptions& options) {
  for (const std::string& directory : options.directories) {
    if (Sweep::is_sweep(directory)) {
      const Sweep sweep = Sweep::open(directory);
      for (const SweepCell& cell : sweep.cells())
        if (!sweep.done(cell)) return false;
      continue;
    }
    for (const fs::path& run : runs_in(directory))
      if (marker_of(run) != Marker::done) return false;
  }
  return true;
}

// Until they are done: then the page is an ordinary one. A run may write while it is read; what does not fit together
// at one look does at a later one.
int follow(ReportOptions options) {
  const FinishFirst until_asked;  // Ctrl-C is how one stops looking
  for (bool first = true;; first = false, options.force = true) {
    const bool done = all_done(options);
    try {
      const std::string text = write_reports(options, done ? 0 : seconds_of(options));
      if (first || done) print_text(text);
      if (first && !done) print_error("rewritten every {} s until all is done; Ctrl-C stops\n", seconds_of(options));
      if (done) return 0;
    } catch (const Error&) {
      if (first || done) throw;
    }
    const auto next = std::chrono::steady_clock::now() + std::chrono::seconds(seconds_of(options));
    while (std::chrono::steady_clock::now() < next) {
      if (stop_requested()) {
        print_text(write_reports(options, 0));  // a page that nobody writes any more does not say that it comes again
        return 0;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

int command_report(const ReportOptions& options) {
  refuse_two_of_a_name(options);
  if (options.live) return follow(options);
  print_text(write_reports(options, 0));
  return 0;
}

}  // namespace

void declare_report(Command& program, CommandCall& call) {
  const auto o = std::make_shared<ReportOptions>();
  Command report = program.command("report", "tables and figures of runs and sweeps");
  report.examples(
      "  crc_train report runs/a                     runs/a/report.html anew\n"
      "  crc_train report runs/a runs/b --out both   a page that compares two runs\n"
      "  crc_train report /tmp/t6                    tables and figures of a sweep\n");
  report.option("directories", o->directories, "directories of runs, sweeps or demos").required();
  report.option("--out", o->out, "where to; default: the directory itself, or report/ for several runs");
  const CommandOption live = report.flag(
      "--live", o->live, "write it again and again while they go on, as a page that the browser loads again by itself");
  report.option("--interval", o->interval, "seconds between two pages").between(1, 3600).needs(live).shows_default();
  add_force(report, o->force);
  report.run([o, &call] { call.code = command_report(*o); });
}

}  // namespace crc::apps
