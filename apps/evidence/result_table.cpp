#include "apps/evidence/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/config/budgets.h"
#include "apps/draw/html.h"
#include "apps/report/report_sections.h"
#include "data/csv.h"
#include "data/text.h"

namespace crc::apps {
namespace {

MeanStd population(const std::vector<double>& values) {
  MeanStd result = mean_std(values);
  if (result.count == 1) result.std = 0;
  if (result.count > 1) result.std *= std::sqrt(double(result.count - 1) / result.count);
  return result;
}

const RoundRow* round_of(const RunRecord& run, int64_t round) {
  for (const RoundRow& row : run.rounds)
    if (row.round == round) return &row;
  return nullptr;
}

// Of one method after `query` queries: a value per trial; where the labels were trained on again, the mean of those.
std::vector<double> values_of(const std::vector<SweepRun>& runs, size_t block, size_t method, int64_t query,
                              double RoundRow::*column, bool& reconfirmed) {
  std::map<int64_t, std::vector<double>> again;
  std::vector<double> trials;
  for (const SweepRun& run : runs) {
    const SweepCell& cell = *run.cell;
    if (cell.block != block || cell.method != method || cell.phase == Phase::pool) continue;
    if (cell.phase == Phase::trial) {
      if (const RoundRow* row = round_of(run.record, query)) trials.push_back(row->*column);
    } else if (cell.query == query) {
      if (const RoundRow* row = round_of(run.record, 0)) again[cell.index].push_back(row->*column);
    }
  }
  if (again.empty()) return trials;
  reconfirmed = true;
  std::vector<double> means;
  for (const auto& [trial, values] : again) means.push_back(mean_std(values).mean);
  return means;
}

int most_runs(const ResultTable& table) {
  int most = 0;
  for (const ResultRow& row : table.rows)
    for (const ResultEntry& entry : row.entries) most = std::max(most, entry.ours[0].count);
  return most;
}

std::string caption(const ResultTable& table, std::optional<size_t> measure, const char* where) {
  const bool paper = std::ranges::any_of(table.rows, [](const ResultRow& row) {
    return std::ranges::any_of(row.entries, [](const ResultEntry& entry) { return !entry.paper.empty(); });
  });
  const bool again = std::ranges::any_of(table.rows, [](const ResultRow& row) {
    return std::ranges::any_of(row.entries, [](const ResultEntry& entry) { return entry.reconfirmed; });
  });
  std::string meanings;
  for (size_t k = 0; k < std::size(kMeasures); ++k)
    if (measure ? *measure == k : std::ranges::find(table.columns, k, &ResultColumn::measure) != table.columns.end())
      meanings += fmt::format("{}{} ({})", meanings.empty() ? "" : " or ", kMeasureWords[k], kMeasures[k].meaning);
  const int most = most_runs(table);
  return fmt::format("Test accuracy in percent, {}; {}{}{}.", meanings,
                     most == 0   ? "no run has measured it"
                     : most == 1 ? "of one run"
                                 : fmt::format("mean ± population standard deviation over up to {} runs", most),
                     paper ? fmt::format("; {} the paper's number", where) : "",
                     again ? "; * trained again on each run's labels, as the paper's starred numbers" : "") +
         (!paper || table.departures.empty()
              ? ""
              : fmt::format(" † The paper's numbers are of other settings than these runs', which differ from the "
                            "recipe in: {}.",
                            data::join(table.departures)));
}

// What stands behind a number of the paper that is not comparable.
const char* dagger(const ResultTable& table) { return table.departures.empty() ? "" : "†"; }

}  // namespace

std::vector<SweepRun> load_runs(const Sweep& sweep) {
  std::vector<SweepRun> runs;
  for (const SweepCell& cell : sweep.cells())
    if (fs::exists(sweep.path(cell) / "run.json")) {
      sweep.check(cell);
      runs.push_back({&cell, load_run(sweep.path(cell))});
    }
  return runs;
}

ResultTable make_table(const Sweep& sweep, const std::vector<SweepRun>& runs) {
  const SweepSpec& spec = sweep.spec();
  ResultTable table{spec.title, spec.source, {}, {}, sweep.departures()};
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    const SweepBlock& block = spec.blocks[b];
    const Config config = sweep.config({.name = {}, .block = b});
    const auto initial = config.get<int64_t>("acquisition.initial"), rounds = config.get<int64_t>("acquisition.rounds");
    const size_t first = table.columns.size();
    const int64_t begin = spec.initial_pools > 0 ? 1 : 0;  // the shared model is no result of a method
    for (int64_t query = begin; query <= rounds; ++query) {
      const size_t at = size_t(query) - 1;
      const std::string labels = fmt::format("{}", labels_after(config, initial, query));
      const std::string head = query > 0 && at < block.heads.size() ? block.heads[at] : labels;
      // Scaled-down cells have other label counts than the paper's column.
      table.columns.push_back(
          {block.name,
           head == labels || block.heads.empty() || query == 0 ? head : fmt::format("{} ({} labels)", head, labels),
           size_t(block.measure)});
    }
    for (size_t m = 0; m < block.methods.size(); ++m) {
      auto row = std::ranges::find(table.rows, block.methods[m].name, &ResultRow::name);
      if (row == table.rows.end()) row = table.rows.insert(row, {block.methods[m].name, {}});
      row->entries.resize(table.columns.size());
      for (size_t c = first; c < table.columns.size(); ++c) {
        ResultEntry& entry = row->entries[c];
        const int64_t query = begin + int64_t(c - first);
        for (size_t k = 0; k < std::size(kMeasures); ++k)
          entry.ours[k] = population(values_of(runs, b, m, query, kMeasures[k].column, entry.reconfirmed));
        entry.balanced = population(values_of(runs, b, m, query, &RoundRow::balanced_acc, entry.reconfirmed));
        if (query > 0 && size_t(query) <= block.methods[m].paper.size())
          entry.paper = block.methods[m].paper[size_t(query) - 1];
      }
    }
  }
  for (ResultRow& row : table.rows) row.entries.resize(table.columns.size());
  for (size_t c = 0; c < table.columns.size(); ++c)
    for (ResultRow& row : table.rows)
      row.entries[c].asked = std::ranges::any_of(spec.blocks, [&](const SweepBlock& block) {
        return block.name == table.columns[c].block &&
               std::ranges::find(block.methods, row.name, &SweepMethod::name) != block.methods.end();
      });
  return table;
}

ResultTable make_table(const std::vector<RunGroup>& groups) {
  ResultTable table{"Accuracy by labels", "", {}, {}, {}};
  const std::vector<int64_t> counts = label_counts(groups);
  for (int64_t count : counts) table.columns.push_back({"", fmt::format("{}", count), size_t(Measure::last)});
  for (const RunGroup& group : groups) {
    ResultRow row{group.name, {}};
    const auto values = [&](int64_t labels, double RoundRow::*column) {
      std::vector<double> all;
      for (const RunRecord* run : group.runs)
        for (const RoundRow& r : run->rounds)
          if (r.labels == labels) all.push_back(r.*column);
      return population(all);
    };
    const std::vector<Point> paper = reference_of(group.runs[0]->config).points;
    for (int64_t count : counts) {
      ResultEntry& entry = row.entries.emplace_back();
      for (size_t k = 0; k < std::size(kMeasures); ++k) entry.ours[k] = values(count, kMeasures[k].column);
      entry.balanced = values(count, &RoundRow::balanced_acc);
      for (const Point& p : paper)
        if (p.x == double(count)) entry.paper = fmt::format("{}", p.y);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string markdown(const ResultTable& table) {
  std::string text =
      fmt::format("**{}**{}\n\n| Accuracy (%)", table.title, table.source.empty() ? "" : " (" + table.source + ")");
  for (const ResultColumn& column : table.columns)
    text += fmt::format(" | {}{}{}", column.block, column.block.empty() ? "" : ": ", column.head);
  text += " |\n|---";
  for (size_t i = 0; i < table.columns.size(); ++i) text += "|---:";
  text += "|\n";
  for (const ResultRow& row : table.rows) {
    text += "| " + row.name;
    for (size_t c = 0; c < row.entries.size(); ++c) {
      const ResultEntry& entry = row.entries[c];
      text += fmt::format(" | {}{}{}", percent(entry.ours[table.columns[c].measure], 2), entry.reconfirmed ? "*" : "",
                          entry.paper.empty() ? "" : " (" + entry.paper + ")" + dagger(table));
    }
    text += " |\n";
  }
  return text + "\n" + caption(table, std::nullopt, "in brackets") + "\n";
}

std::string csv(const ResultTable& table) {
  std::vector<std::string> heading{"block", "labels", "method", "runs"};
  for (const std::string_view measure : kMeasureWords)
    for (const char* part : {"_mean", "_std"}) heading.push_back(std::string(measure) + part);
  for (const char* name : {"balanced_mean", "balanced_std", "paper_mean", "paper_std", "reconfirmed"})
    heading.emplace_back(name);
  data::CsvWriter csv(heading);
  const auto number = [&](double value) { csv.number(std::isfinite(value) ? fmt::format("{:.4f}", value) : ""); };
  for (const ResultRow& row : table.rows)
    for (size_t c = 0; c < row.entries.size(); ++c) {
      const ResultEntry& entry = row.entries[c];
      csv.text(table.columns[c].block).text(table.columns[c].head).text(row.name).number(entry.ours[0].count);
      for (const MeanStd& m : entry.ours) number(100 * m.mean), number(100 * m.std);
      number(100 * entry.balanced.mean), number(100 * entry.balanced.std);
      const PaperNumber paper = parse_paper_number(entry.paper);
      number(paper.mean), number(paper.std);
      csv.number(entry.reconfirmed ? 1 : 0).end_row();
    }
  return csv.str();
}

std::string html(const ResultTable& table, std::optional<size_t> measure) {
  std::string text;
  // One below the other: side by side, the blocks are wider than a page.
  for (size_t first = 0, last = 0; first < table.columns.size(); first = last) {
    const std::string& block = table.columns[first].block;
    while (last < table.columns.size() && table.columns[last].block == block) ++last;
    std::vector<std::string> heads = {block.empty() ? "method" : block};
    for (size_t c = first; c < last; ++c) heads.push_back(table.columns[c].head);
    std::vector<std::vector<TableCell>> rows;
    for (const ResultRow& row : table.rows) {
      if (!row.entries[first].asked) continue;
      auto& cells = rows.emplace_back();
      cells.push_back(TableCell::text(row.name));
      for (size_t c = first; c < last; ++c) {
        const ResultEntry& entry = row.entries[c];
        TableCell ours = mean_cell(entry.ours[measure.value_or(table.columns[c].measure)]);
        if (entry.reconfirmed) ours.html += "*";
        if (!entry.paper.empty())
          ours.html += fmt::format("<br/><span class=\"pm\">{}{}</span>", escape_xml(entry.paper), dagger(table));
        cells.push_back(std::move(ours));
      }
    }
    text += crc::apps::table(heads, rows);
  }
  return text + "<p class=\"note\">" + escape_xml(caption(table, measure, "below it")) + "</p>\n";
}

}  // namespace crc::apps
