#include "apps/evidence/study_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/draw/html.h"
#include "apps/evidence/differences.h"
#include "apps/evidence/paired_tables.h"
#include "apps/report/verify_run.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int64_t kMostBytes = int64_t(1) << 28;

std::string about(const Study& study) {
  std::string text = study.test_words.empty() ? "" : study.test_words + "\n\n";
  if (!study.source.empty()) text += "Source: " + study.source + ".\n\n";
  return study.rule.empty() ? text : text + study.rule + "\n\n";
}

bool has_runs(const Study& study, const std::string& block) {
  return std::ranges::any_of(study.runs, [&](const StudyRun& run) { return study.methods[run.method].block == block; });
}

// A cell for each label count: mean and half of its 95 % interval over trials.
std::vector<std::vector<std::string>> accuracies(const PairedBlock& block) {
  std::vector<std::vector<std::string>> rows;
  for (const MethodAreas& method : block.comparison.methods) {
    auto& row = rows.emplace_back(std::vector<std::string>{method.name});
    for (size_t i = 0; i < block.labels.size(); ++i) {
      std::vector<double> values;
      for (const auto& [trial, curve] : method.curves) values.push_back(curve[i]);
      const Estimate e = estimate(values);
      row.push_back(std::isfinite(e.half) ? fmt::format("{:.2f} ± {:.2f}", e.mean, e.half)
                                          : fmt::format("{:.2f}", e.mean));
    }
  }
  return rows;
}

std::vector<std::string> heads_of(const PairedBlock& block) {
  std::vector<std::string> heads{"accuracy (%) by labels"};
  for (const double count : block.labels) heads.push_back(fmt::format("{}", count));
  return heads;
}

std::string markdown_row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + cell + " |";
  return text + "\n";
}

std::string markdown_table(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows) {
  std::string text = "\n" + markdown_row(heads) + "|---|";
  for (size_t i = 1; i < heads.size(); ++i) text += "---:|";
  text += "\n";
  for (const auto& row : rows) text += markdown_row(row);
  return text;
}

std::string distinct(const Study& study, std::string StudyRun::*field) {
  std::set<std::string> values;
  for (const StudyRun& run : study.runs)
    if (!(run.*field).empty()) values.insert(run.*field);
  return values.empty() ? "unknown" : data::join_first({values.begin(), values.end()}, 6);
}

std::string provenance(const Study& study) {
  double seconds = 0;
  for (const StudyRun& run : study.runs) seconds += run.seconds;
  return fmt::format("{} runs of version {} (commit {}) on {}: {:.1f} hours of computing. Data: {}.", study.runs.size(),
                     distinct(study, &StudyRun::version), distinct(study, &StudyRun::commit),
                     distinct(study, &StudyRun::device), seconds / 3600, distinct(study, &StudyRun::data));
}

// Of each method's runs by trial, the first eight characters.
std::string hashes(const Study& study) {
  std::set<int64_t> trials;
  for (const StudyRun& run : study.runs) trials.insert(run.trial);
  std::vector<std::string> heads{"runs by trial"};
  for (const int64_t trial : trials) heads.push_back(fmt::format("{}", trial));
  std::vector<std::vector<std::string>> rows;
  for (size_t m = 0; m < study.methods.size(); ++m) {
    const StudyMethod& method = study.methods[m];
    if (std::ranges::find(study.runs, m, &StudyRun::method) == study.runs.end()) continue;
    auto& row = rows.emplace_back(
        std::vector<std::string>{method.block.empty() ? method.name : method.block + ": " + method.name});
    for (const int64_t trial : trials) {
      const auto run =
          std::ranges::find_if(study.runs, [&](const StudyRun& r) { return r.method == m && r.trial == trial; });
      row.push_back(run == study.runs.end() ? "" : "`" + run->run.substr(0, 8) + "`");
    }
  }
  return markdown_table(heads, rows) + "\nWhat names a run: the checksum of its ledger's head and its rounds.csv.\n";
}

}  // namespace

Study load_study(const fs::path& path, std::optional<Measure> measure) {
  if (path.extension() == ".jsonl" || !is_folder(path)) {
    Study study = read_study(read_file(path, kMostBytes), path.string());
    if (!measure) return study;
    for (StudyMethod& method : study.methods) method.measure = *measure;
    if (*measure == Measure::best)
      study.test_words = "Test accuracy chose the epoch whose accuracy is shown. " + study.test_words;
    return study;
  }
  const std::string name = fs::absolute(path).lexically_normal().filename().string();
  if (Sweep::is_sweep(path)) {
    const Sweep sweep = Sweep::open(path);
    Study study = study_of(sweep, load_runs(sweep), measure);
    if (!name.empty()) study.name = name;
    return study;
  }
  std::vector<RunRecord> records;
  for (const fs::path& run : runs_in(path)) records.push_back(load_run(run));
  if (records.empty())
    fail(ExitCode::input_missing,
         fmt::format("{} is no sweep, no run and no folder of runs; check the path", path.string()));
  return study_of(records, measure.value_or(Measure::last), name);
}

std::string study_markdown(const Study& study) {
  std::string text = fmt::format("# {}\n\n", study.title) + about(study) + provenance(study) + "\n";
  for (const PairedBlock& block : paired_blocks(study)) {
    if (!has_runs(study, block.name)) continue;
    if (!block.name.empty()) text += fmt::format("\n## {}\n", block.name);
    text += "\n### What differs\n" + markdown_differences(study, block.name);
    if (block.comparison.methods.empty()) {
      text += "\nNo trial has measured label counts that all methods have.\n";
      continue;
    }
    text += "\n### Results\n" + markdown_table(heads_of(block), accuracies(block)) + markdown_areas(block) +
            markdown_sentences(block) + markdown_pairs(block);
  }
  return text + "\n## Runs\n" + hashes(study);
}

std::string study_html(const Study& study) {
  std::string body = study.test_words.empty() ? "" : paragraph("<strong>" + escape_xml(study.test_words) + "</strong>");
  body += fmt::format("<h1>{}</h1>\n<p class=\"sub\">{}</p>\n", escape_xml(study.title), escape_xml(provenance(study)));
  if (!study.rule.empty()) body += paragraph(escape_xml(study.rule));
  const std::vector<PairedBlock> blocks = paired_blocks(study);
  body += html_blocks(blocks);
  for (const PairedBlock& block : blocks) {
    if (!has_runs(study, block.name)) continue;
    if (!block.name.empty()) body += "<h1>" + escape_xml(block.name) + "</h1>\n";
    body += section("differences", "What differs", html_differences(study, block.name));
    if (block.comparison.methods.empty()) {
      body += paragraph("No trial has measured label counts that all methods have.");
      continue;
    }
    std::vector<std::vector<TableCell>> rows;
    for (const auto& row : accuracies(block)) {
      auto& cells = rows.emplace_back();
      for (const std::string& cell : row) cells.push_back(TableCell::text(cell));
    }
    body += section("accuracy", "Accuracy", table(heads_of(block), rows)) + pairs_section(block);
  }
  return html_page(study.title, body);
}

}  // namespace crc::apps
