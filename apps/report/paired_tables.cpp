#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/html.h"
#include "apps/report/result_table.h"
#include "data/csv.h"
#include "data/text.h"

namespace crc::apps {
namespace {

// Labels and accuracies of the rounds from `begin` to `end`; nothing where one is missing or not measured.
struct Curve {
  std::vector<double> labels, accuracy;
};
std::optional<Curve> curve_of(const RunRecord& run, int64_t begin, int64_t end, double RoundRow::*column) {
  Curve curve;
  for (int64_t round = begin; round <= end; ++round) {
    const auto row = std::ranges::find(run.rounds, round, &RoundRow::round);
    if (row == run.rounds.end() || !std::isfinite((*row).*column)) return std::nullopt;
    curve.labels.push_back(double(row->labels));
    curve.accuracy.push_back((*row).*column);
  }
  return curve.labels.empty() ? std::nullopt : std::optional(curve);
}

std::string plus_minus(double mean, double half, bool sign) {
  if (!std::isfinite(mean)) return "–";
  const std::string text = sign ? fmt::format("{:+.2f}", mean) : fmt::format("{:.2f}", mean);
  return std::isfinite(half) ? fmt::format("{} ± {:.2f}", text, half) : text;
}

std::string difference(const Pair& pair, bool turned) {
  return plus_minus(turned ? -pair.difference.mean : pair.difference.mean, pair.difference.half, true);
}

std::string score(const Pair& pair, bool turned, const char* dash) {
  return fmt::format("{}{dash}{}{dash}{}", turned ? pair.losses : pair.wins, turned ? pair.wins : pair.losses,
                     pair.ties, fmt::arg("dash", dash));
}

// Of the method called random, whatever its case.
std::optional<size_t> baseline(const Comparison& comparison) {
  const auto at = std::ranges::find_if(comparison.methods, [](const MethodAreas& method) {
    std::string name = method.name;
    std::ranges::transform(name, name.begin(),
                           [](char c) { return char(std::tolower(static_cast<unsigned char>(c))); });
    return name == "random";
  });
  if (at == comparison.methods.end()) return std::nullopt;
  return size_t(at - comparison.methods.begin());
}

std::string about_areas(const PairedBlock& block) {
  const std::string missing =
      block.without.empty() ? "" : fmt::format(" Without a whole trial: {}.", data::join(block.without));
  return fmt::format(
      "Area under the curve of accuracy (%, {}) by labels, from {} to {}: its mean over these label counts, by "
      "trapezoids; ± is the half of the 95 % interval of the mean over trials, by Student's t.{}",
      word_of(block.measure), block.labels.front(), block.labels.back(), missing);
}

std::string about_pairs(const PairedBlock& block) {
  const std::vector<Pair>& pairs = block.comparison.pairs;
  const auto tested = std::ranges::count_if(pairs, [](const Pair& p) { return std::isfinite(p.p_holm); });
  const int64_t left_out = std::ranges::max(pairs, {}, &Pair::left_out).left_out;
  const std::string how =
      tested == 0 ? "Two trials or more in common have an interval and a verdict."
                  : fmt::format("\"better\" and \"worse\": p < 0.05{}.",
                                tested == 1 ? ""
                                            : fmt::format(" after Holm's correction over all {} comparisons of "
                                                          "the block",
                                                          tested));
  return fmt::format(
      "Differences are paired: of two methods in the same trials, in points, with their own 95 % interval; then trials "
      "won, lost and tied. {}{}",
      how,
      left_out == 0
          ? ""
          : fmt::format(" Trials that one of two methods lacks are left out: up to {} of {}.", left_out, block.trials));
}

std::string pair_title(const Comparison& c, const Pair& pair, bool turned) {
  const std::string &a = c.methods[pair.method].name, &b = c.methods[pair.against].name;
  return fmt::format("{} against {}: {}, wins–losses–ties {}, {}", turned ? b : a, turned ? a : b,
                     difference(pair, turned), score(pair, turned, "–"), words(pair, turned));
}

TableCell numbered(const Comparison& c, size_t method) {
  return {fmt::format("{}.&#160;{}", method + 1, escape_xml(c.methods[method].name))};
}

std::string html_areas(const Comparison& c) {
  const std::optional<size_t> random = baseline(c);
  std::vector<std::string> heads{"method", "area"};
  if (random) heads.push_back("against " + c.methods[*random].name);
  std::vector<std::vector<TableCell>> rows;
  for (size_t m = 0; m < c.methods.size(); ++m) {
    const Estimate& all = c.methods[m].all;
    auto& cells = rows.emplace_back();
    cells.push_back(numbered(c, m));
    cells.push_back({fmt::format("{}<br/><span class=\"pm\">{} trial{}</span>", plus_minus(all.mean, all.half, false),
                                 all.count, all.count == 1 ? "" : "s")});
    if (!random) continue;
    if (m == *random) {
      cells.push_back({""});
      continue;
    }
    const Pair& pair = c.pair(m, *random);
    const bool turned = pair.method != m;
    cells.push_back({fmt::format("{}<br/><span class=\"pm\" style=\"white-space:normal\">{}, {}</span>",
                                 difference(pair, turned), score(pair, turned, "–"), words(pair, turned))});
  }
  return table(heads, rows);
}

std::string html_matrix(const Comparison& c) {
  std::vector<std::string> heads{"row − column"};
  std::vector<std::vector<TableCell>> rows;
  for (size_t a = 0; a < c.methods.size(); ++a) {
    heads.push_back(fmt::format("{}", a + 1));
    auto& cells = rows.emplace_back();
    cells.push_back(numbered(c, a));
    for (size_t b = 0; b < c.methods.size(); ++b) {
      cells.push_back({"", true});
      if (a == b || c.pair(a, b).difference.count == 0) continue;
      const Pair& pair = c.pair(a, b);
      const bool turned = pair.method != a, shown = verdict(pair) != Verdict::none;
      cells.back().html = fmt::format("<span title=\"{}\"{}>{:.1f}</span>", escape_xml(pair_title(c, pair, turned)),
                                      shown ? " style=\"font-weight:700\"" : " class=\"pm\"",
                                      turned ? -pair.difference.mean : pair.difference.mean);
    }
  }
  return table(heads, rows);
}

std::string html_list(const Comparison& c) {
  std::vector<std::vector<TableCell>> rows;
  for (const Pair& pair : c.pairs)
    rows.push_back({TableCell::text(c.methods[pair.method].name), TableCell::text(c.methods[pair.against].name),
                    TableCell::text(difference(pair, false)), TableCell::text(score(pair, false, "–")),
                    TableCell::real(pair.p_holm, "{:.2g}"), TableCell::text(words(pair))});
  return table({"method", "against", "difference", "wins–losses–ties", "p (Holm)", "verdict"}, rows);
}

}  // namespace

PairedBlock compare_methods(const Sweep& sweep, const std::vector<SweepRun>& runs, size_t block) {
  const SweepSpec& spec = sweep.spec();
  const std::vector<SweepMethod>& methods = spec.blocks[block].methods;
  const int64_t begin = spec.initial_pools > 0 ? 1 : 0;  // the shared model is no result of a method
  const int64_t end = sweep.config({.name = {}, .block = block}).get<int64_t>("acquisition.rounds");
  PairedBlock result{spec.blocks[block].name, spec.blocks[block].measure, spec.trials, {}, {}, {}};
  std::vector<MethodAreas> areas;
  for (const SweepMethod& method : methods) areas.push_back({method.name, {}});
  for (const SweepRun& run : runs) {
    const SweepCell& cell = *run.cell;
    if (cell.phase != Phase::trial || cell.block != block) continue;
    const std::optional<Curve> curve = curve_of(run.record, begin, end, measure_column(result.measure));
    if (!curve) continue;
    if (result.labels.empty()) result.labels = curve->labels;
    if (curve->labels != result.labels) continue;  // another curve: its area would be none of the same labels
    areas[cell.method].by_trial[cell.index] = 100 * area_under(curve->labels, curve->accuracy);
  }
  for (const MethodAreas& method : areas)
    if (method.by_trial.empty()) result.without.push_back(method.name);
  std::erase_if(areas, [](const MethodAreas& method) { return method.by_trial.empty(); });
  if (!result.labels.empty()) result.comparison = compare(std::move(areas), spec.trials);
  return result;
}

std::string markdown_areas(const PairedBlock& block) {
  const Comparison& c = block.comparison;
  if (c.methods.empty()) return "";
  const std::optional<size_t> random = baseline(c);
  std::string text = fmt::format("\n| {} | Area (%) | Trials |", block.name.empty() ? "Method" : block.name),
              rule = "\n|---|---:|---:|";
  if (random) {
    text += fmt::format(" Against {} | Wins-losses-ties | Verdict |", c.methods[*random].name);
    rule += "---:|---:|---|";
  }
  text += rule + "\n";
  for (size_t m = 0; m < c.methods.size(); ++m) {
    const MethodAreas& method = c.methods[m];
    text += fmt::format("| {} | {} | {} |", method.name, plus_minus(method.all.mean, method.all.half, false),
                        method.all.count);
    if (random && m == *random) text += " | | |";
    if (random && m != *random) {
      const Pair& pair = c.pair(m, *random);
      const bool turned = pair.method != m;
      text += fmt::format(" {} | {} | {} |", difference(pair, turned), score(pair, turned, "-"), words(pair, turned));
    }
    text += "\n";
  }
  text += "\n" + about_areas(block) + "\n";
  return c.pairs.empty() ? text : text + about_pairs(block) + "\n";
}

std::string markdown_pairs(const PairedBlock& block) {
  const Comparison& c = block.comparison;
  if (c.pairs.empty()) return "";
  std::string text = fmt::format("\n| {}{}row - column", block.name, block.name.empty() ? "" : ": "), rule = "|---";
  for (size_t b = 0; b < c.methods.size(); ++b) text += fmt::format(" | {}", b + 1), rule += "|---:";
  text += " |\n" + rule + "|\n";
  for (size_t a = 0; a < c.methods.size(); ++a) {
    text += fmt::format("| {}. {}", a + 1, c.methods[a].name);
    for (size_t b = 0; b < c.methods.size(); ++b) {
      text += " |";
      if (a == b || c.pair(a, b).difference.count == 0) continue;
      const Pair& pair = c.pair(a, b);
      const double mean = pair.method == a ? pair.difference.mean : -pair.difference.mean;
      text += fmt::format(fmt::runtime(verdict(pair) == Verdict::none ? " {:+.2f}" : " **{:+.2f}**"), mean);
    }
    text += " |\n";
  }
  return text + "\nDifferences of areas in points; bold: better or worse, as above. pairs.csv has intervals and p.\n";
}

std::string csv(const std::vector<PairedBlock>& blocks) {
  data::CsvWriter csv({"block", "from_labels", "to_labels", "method", "against", "trials", "left_out", "area",
                       "against_area", "difference", "low", "high", "wins", "losses", "ties", "p", "p_holm",
                       "verdict"});
  const auto number = [&](double value, const char* format = "{:.4f}") {
    csv.number(std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "");
  };
  for (const PairedBlock& block : blocks)
    for (const Pair& pair : block.comparison.pairs) {
      const Estimate& d = pair.difference;
      csv.text(block.name);
      number(block.labels.front(), "{}"), number(block.labels.back(), "{}");
      csv.text(block.comparison.methods[pair.method].name).text(block.comparison.methods[pair.against].name);
      csv.number(d.count).number(pair.left_out);
      for (const double value : {pair.area, pair.against_area, d.mean, d.mean - d.half, d.mean + d.half}) number(value);
      csv.number(pair.wins).number(pair.losses).number(pair.ties);
      number(d.p, "{:.4g}"), number(pair.p_holm, "{:.4g}");
      csv.text(words(pair)).end_row();
    }
  return csv.str();
}

std::string pairs_section(const PairedBlock& block) {
  const Comparison& c = block.comparison;
  if (c.methods.empty()) return "";
  std::string html = html_areas(c) + fmt::format("<p class=\"note\">{}</p>\n", escape_xml(about_areas(block)));
  if (!c.pairs.empty())
    html += fmt::format("<p class=\"note\">{}</p>\n", escape_xml(about_pairs(block))) + html_matrix(c) +
            "<p class=\"note\">Differences of areas in points, the methods by their numbers above; bold: better or "
            "worse.</p>\n" +
            details("Every pair with its interval", html_list(c));
  return section("pairs", "Methods compared trial by trial", html);
}

}  // namespace crc::apps
