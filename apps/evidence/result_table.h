// Results in the layout of the paper's tables: one row per method, one column per query and block, the paper's number
// beside ours. As Markdown, CSV and HTML.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "apps/report/summary.h"
#include "apps/sweep/sweep.h"
#include "apps/sweep/sweep_measure.h"

namespace crc::apps {

struct ResultEntry {
  std::array<MeanStd, std::size(kMeasures)> ours;  // fractions; population standard deviation
  MeanStd balanced;                                // balanced accuracy after the last epoch
  std::string paper;                               // as printed there; empty: it gives none
  bool asked = true;                               // the block has this method
  bool reconfirmed = false;                        // ours are means over repetitions on fixed labels
};

struct ResultColumn {
  std::string block, head;  // the block's name, the label count or what the paper writes
  size_t measure = 0;       // of kMeasures
};

struct ResultRow {
  std::string name;
  std::vector<ResultEntry> entries;  // one per column
};

struct ResultTable {
  std::string title, source;
  std::vector<ResultColumn> columns;
  std::vector<ResultRow> rows;
  std::vector<std::string> departures;  // from the recipe: then the paper's numbers are of other settings
};

struct SweepRun {
  const SweepCell* cell;
  RunRecord record;
};
// All cells that have begun. Errors of load_run and Sweep::check.
std::vector<SweepRun> load_runs(const Sweep& sweep);

ResultTable make_table(const Sweep& sweep, const std::vector<SweepRun>& runs);
ResultTable make_table(const std::vector<RunGroup>& groups);  // any runs: one column per label count

// "70.10 ± 4.20 (69.81±4.77)": ours, then the paper's in brackets, with † where its settings are not these.
std::string markdown(const ResultTable& table);
// One line per row and column: block, head, method, runs, mean and std of every measure, the paper's. In percent.
std::string csv(const ResultTable& table);
// With every column's own measure, or with one for all.
std::string html(const ResultTable& table, std::optional<size_t> measure = std::nullopt);

}  // namespace crc::apps
