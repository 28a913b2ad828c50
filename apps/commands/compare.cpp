// crc_train compare: sweeps, runs and recorded results from anywhere: what differs in their settings, then statistics.
#include <fmt/format.h>

#include <set>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/evidence/paired_tables.h"
#include "apps/evidence/study_page.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

struct CompareOptions {
  std::vector<std::string> paths;
  std::string measure, out, record, page;
  bool force = false;
};

std::optional<Measure> measure_of(const std::string& word) {
  if (word.empty()) return std::nullopt;
  if (const std::optional<Measure> measure = find_choice<Measure>(word)) return measure;
  const std::vector<std::string> words(all_words<Measure>().begin(), all_words<Measure>().end());
  fail(ExitCode::usage, fmt::format("--measure {}: it must be one of {}", word, data::join(words)));
}

// Single runs are one study together: a run has no pair by itself.
std::vector<Study> load_all(const CompareOptions& options) {
  const std::optional<Measure> measure = measure_of(options.measure);
  std::vector<Study> studies;
  std::vector<RunRecord> runs;
  std::set<std::string> names;
  std::set<fs::path> places;
  for (const std::string& path : options.paths) {
    if (file_exists(fs::path(path) / "run.json")) {
      runs.push_back(load_run(path));
      continue;
    }
    if (!places.insert(fs::weakly_canonical(path)).second)
      fail(ExitCode::usage, fmt::format("{} is named twice; its results would count twice", path));
    studies.push_back(load_study(path, measure));
    if (!names.insert(studies.back().name).second) studies.back().name = path;
  }
  if (!runs.empty()) studies.push_back(study_of(runs, measure.value_or(Measure::last), "runs"));
  return studies;
}

int command_compare(const CompareOptions& options) {
  const fs::path out = options.out;
  std::vector<fs::path> files{options.record, options.page};
  if (!out.empty()) files.insert(files.end(), {out / "report.html", out / "table.md", out / "pairs.csv"});
  std::vector<fs::path> inputs(options.paths.begin(), options.paths.end());
  Outputs outputs(files, {.force = options.force, .inputs = inputs, .makes_folders = true});
  const Study study = merge(load_all(options));
  const std::string text = study_markdown(study);
  if (!options.record.empty()) outputs.put(options.record, to_jsonl(study));
  if (!options.page.empty()) outputs.put(options.page, text);
  if (!out.empty()) {
    outputs.put(out / "report.html", study_html(study));
    outputs.put(out / "table.md", text);
    outputs.put(out / "pairs.csv", csv(paired_blocks(study)));
  }
  outputs.commit();
  print_text(text);
  return 0;
}

}  // namespace

void declare_compare(Command& program, CommandCall& call) {
  const auto o = std::make_shared<CompareOptions>();
  Command compare = program.command("compare", "sweeps and runs from anywhere: what differs, and whether it shows");
  compare.option("paths", o->paths, "directories of sweeps, runs or folders of runs; results/*.jsonl").required();
  compare.option("--measure", o->measure, "best, last, median or validation, for all; default: each sweep's own, last");
  compare.option("--out", o->out, "a folder for report.html, table.md and pairs.csv; default: none");
  compare.option("--record", o->record, "write the results of every run as JSON lines");
  compare.option("--page", o->page, "write what is printed, a page of docs/results");
  add_force(compare, o->force);
  compare.run([o, &call] { call.code = command_compare(*o); });
}

}  // namespace crc::apps
