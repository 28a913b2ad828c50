#include "apps/evidence/paired_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/html.h"
#include "apps/evidence/paired_charts.h"
#include "data/csv.h"
#include "data/text.h"

namespace crc::apps {
namespace {

std::string plus_minus(double mean, double half, bool sign) {
  if (!std::isfinite(mean)) return "–";
  const std::string text = sign ? fmt::format("{:+.2f}", mean) : fmt::format("{:.2f}", mean);
  return std::isfinite(half) ? fmt::format("{} ± {:.2f}", text, half) : text;
}

std::string difference(const Pair& pair, bool turned) {
  return plus_minus((turned ? -pair.difference.mean : pair.difference.mean) + 0.0, pair.difference.half,
                    true);  // no -0
}

std::string score(const Pair& pair, bool turned, const char* dash) {
  return fmt::format("{}{dash}{}{dash}{}", turned ? pair.losses : pair.wins, turned ? pair.wins : pair.losses,
                     pair.ties, fmt::arg("dash", dash));
}

std::string about_areas(const PairedBlock& block) {
  const std::string missing =
      block.without.empty() ? "" : fmt::format(" Without a whole trial: {}.", data::join(block.without));
  return fmt::format(
      "Area under the curve of accuracy (%, {}) by labels, from {} to {}: its mean over these label counts, by "
      "trapezoids. Over trials: mean ± half of its 95 % interval by Student's t; interquartile mean and median with "
      "theirs by bootstrap and by order statistics; mean rank, 1 for the best.{}",
      word_of(block.measure), block.labels.front(), block.labels.back(), missing);
}

std::string about_pairs(const PairedBlock& block) {
  const std::vector<Pair>& pairs = block.comparison.pairs;
  const auto tested = std::ranges::count_if(pairs, [](const Pair& p) { return std::isfinite(p.p_holm); });
  const int64_t left_out = std::ranges::max(pairs, {}, &Pair::left_out).left_out;
  const std::string how =
      tested == 0 ? "Two trials or more in common have an interval and a verdict."
                  : fmt::format("\"better\" and \"worse\": paired t test, p < 0.05{}.",
                                tested == 1 ? ""
                                            : fmt::format(" after Holm's correction over all {} comparisons of "
                                                          "the block",
                                                          tested));
  return fmt::format(
      "Differences are paired: of two methods in the same trials ({}), in points, with their own 95 % interval; then "
      "trials won, lost and tied, and the labels saved at the highest accuracy that both mean curves reach. {}{}",
      block.same_start ? "same seed, same first labels" : "same seed; first labels of their own", how,
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

std::string saved_text(const Pair& pair, bool turned) {
  if (!std::isfinite(pair.saved.labels)) return "–";
  const double sign = turned ? -1 : 1, zero = 0;  // added: no -0
  const Interval& i = pair.saved_interval;
  std::string text = fmt::format("{:+.0f}", std::round(sign * pair.saved.labels) + zero);
  if (std::isfinite(i.low))
    text += fmt::format(" [{:.0f}, {:.0f}]", std::round(turned ? -i.high : i.low) + zero,
                        std::round(turned ? -i.low : i.high) + zero);
  return text;
}

std::string with_interval(double value, const Interval& interval) {
  if (!std::isfinite(value)) return "–";
  return std::isfinite(interval.low) ? fmt::format("{:.2f} [{:.2f}, {:.2f}]", value, interval.low, interval.high)
                                     : fmt::format("{:.2f}", value);
}

std::string rank_text(const Comparison& c, size_t method) {
  const std::vector<double>& ranks = c.ranking.mean_rank;
  return method < ranks.size() ? fmt::format("{:.1f}", ranks[method]) : "–";
}

std::string html_areas(const Comparison& c) {
  const std::optional<size_t> random = baseline(c);
  std::vector<std::string> heads{"method", "area", "interquartile mean", "median", "rank"};
  if (random)
    for (const std::string& head : {"against " + c.methods[*random].name, std::string("labels saved")})
      heads.push_back(head);
  const auto small = [](const std::string& text) { return fmt::format("<span class=\"pm\">{}</span>", text); };
  std::vector<std::vector<TableCell>> rows;
  for (size_t m = 0; m < c.methods.size(); ++m) {
    const MethodAreas& method = c.methods[m];
    const int count = method.all.count;
    auto& cells = rows.emplace_back();
    cells.push_back(numbered(c, m));
    cells.push_back({fmt::format("{}<br/>{}", plus_minus(method.all.mean, method.all.half, false),
                                 small(fmt::format("{} trial{}", count, count == 1 ? "" : "s")))});
    cells.push_back({small(with_interval(method.interquartile, method.interquartile_interval))});
    cells.push_back({small(with_interval(method.median, method.median_interval))});
    cells.push_back({rank_text(c, m)});
    if (!random) continue;
    if (m == *random) {
      cells.insert(cells.end(), 2, {""});
      continue;
    }
    const Pair& pair = c.pair(m, *random);
    const bool turned = pair.method != m;
    cells.push_back({fmt::format("{}<br/><span class=\"pm\" style=\"white-space:normal\">{}, {}</span>",
                                 difference(pair, turned), score(pair, turned, "–"), words(pair, turned))});
    cells.push_back({saved_text(pair, turned)});
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
                    TableCell::real(pair.difference.p, "{:.2g}"), TableCell::real(pair.p_holm, "{:.2g}"),
                    TableCell::real(pair.ranks.p, "{:.2g}"), TableCell::real(pair.effect, "{:.2f}"),
                    TableCell::real(pair.ranks.rank_biserial, "{:.2f}"), TableCell::text(saved_text(pair, false)),
                    TableCell::text(words(pair))});
  return table({"method", "against", "difference", "wins–losses–ties", "p", "p (Holm)", "p (Wilcoxon)", "d",
                "rank-biserial", "labels saved", "verdict"},
               rows) +
         paragraph(
             "d: mean difference by its standard deviation (Cohen). Rank-biserial: 1 where the method wins "
             "every trial. Trials needed: for a difference of 1 point to be found in four of five sweeps, at "
             "Holm's strictest level, where differences spread as they do here.");
}

std::string html_sentences(const Comparison& c) {
  std::string items;
  for (const Pair& pair : c.pairs) items += "<li>" + escape_xml(sentence(c, pair)) + "</li>\n";
  return "<ul>\n" + items + "</ul>\n";
}

std::string html_charts(const Comparison& c) {
  std::string html;
  if (c.pairs.empty()) return html;
  const DifferenceChart chart = difference_chart(c, baseline(c).value_or(0));
  html +=
      chart_figure(chart, "Small dots: trials; large dots: means, with their 95 % intervals (of one comparison each).");
  const Ranking& r = c.ranking;
  if (std::isfinite(r.critical_difference) && r.mean_rank.size() > 2)
    html += chart_figure(rank_chart(c),
                         fmt::format("Bars join methods that Nemenyi's test does not tell apart at 5 % in {} trials; "
                                     "Friedman's test that no method differs: chi-squared {:.1f}, p = {:.2g}. By ranks "
                                     "alone, so it sees less than the paired t test above.",
                                     r.trials, r.chi_squared, r.p));
  std::string curves;
  for (size_t m = 0; m < c.methods.size(); ++m)
    if (c.methods[m].curves.size() > 1) curves += chart_figure(trial_curves(c, m));
  return curves.empty() ? html : html + details("One curve for each trial", curves);
}

}  // namespace

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

std::string sentence(const Comparison& c, const Pair& pair) {
  const std::string &a = c.methods[pair.method].name, &b = c.methods[pair.against].name;
  if (verdict(pair) == Verdict::none) return fmt::format("{} and {}: {}.", a, b, words(pair));
  const bool better = verdict(pair) == Verdict::better;
  std::string text = fmt::format("{} is better than {} by {:.2f} ± {:.2f} points in {} trials (p = {:.2g})",
                                 better ? a : b, better ? b : a, std::abs(pair.difference.mean), pair.difference.half,
                                 pair.difference.count, pair.p_holm);
  const double saved = better ? pair.saved.labels : -pair.saved.labels,
               of = better ? pair.saved.of : pair.saved.of - pair.saved.labels;
  if (saved >= 0.5)
    text += fmt::format(", and saves {:.0f} of {:.0f} labels at {:.1f} %", saved, of, pair.saved.accuracy);
  return text + ".";
}

std::string markdown_areas(const PairedBlock& block) {
  const Comparison& c = block.comparison;
  if (c.methods.empty()) return "";
  const std::optional<size_t> random = baseline(c);
  std::string text = fmt::format("\n| {} | Area (%) | Interquartile mean | Median | Rank | Trials |",
                                 block.name.empty() ? "Method" : block.name),
              rule = "\n|---|---:|---:|---:|---:|---:|";
  if (random) {
    text += fmt::format(" Against {} | Wins-losses-ties | Labels saved | Verdict |", c.methods[*random].name);
    rule += "---:|---:|---:|---|";
  }
  text += rule + "\n";
  for (size_t m = 0; m < c.methods.size(); ++m) {
    const MethodAreas& method = c.methods[m];
    text +=
        fmt::format("| {} | {} | {} | {} | {} | {} |", method.name, plus_minus(method.all.mean, method.all.half, false),
                    with_interval(method.interquartile, method.interquartile_interval),
                    with_interval(method.median, method.median_interval), rank_text(c, m), method.all.count);
    if (random && m == *random) text += " | | | |";
    if (random && m != *random) {
      const Pair& pair = c.pair(m, *random);
      const bool turned = pair.method != m;
      text += fmt::format(" {} | {} | {} | {} |", difference(pair, turned), score(pair, turned, "-"),
                          saved_text(pair, turned), words(pair, turned));
    }
    text += "\n";
  }
  text += "\n" + about_areas(block) + "\n";
  return c.pairs.empty() ? text : text + about_pairs(block) + "\n";
}

std::string markdown_summary(const PairedBlock& block) {
  const Comparison& c = block.comparison;
  const std::optional<size_t> random = baseline(c);
  std::string text = fmt::format("| {} | area (%) |", block.name.empty() ? "method" : block.name), rule = "\n|---|---|";
  if (random) text += fmt::format(" against {} | wins-losses-ties |", c.methods[*random].name), rule += "---|---|";
  text += rule + "\n";
  for (size_t m = 0; m < c.methods.size(); ++m) {
    const MethodAreas& method = c.methods[m];
    const bool other = random && m != *random, word = method.name.find(' ') == method.name.npos && m != random;
    text += fmt::format(fmt::runtime(word ? "| `{}` | {} |" : "| {} | {} |"), method.name,
                        plus_minus(method.all.mean, method.all.half, false));
    if (random && !other) text += "  |  |";
    if (other) {
      const Pair& pair = c.pair(m, *random);
      const bool turned = pair.method != m;
      text += fmt::format(fmt::runtime(verdict(pair) == Verdict::none ? " {} | {} |" : " **{}** | {} |"),
                          difference(pair, turned), score(pair, turned, "-"));
    }
    text += "\n";
  }
  return text;
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
  data::CsvWriter csv({"block",         "from_labels",
                       "to_labels",     "method",
                       "against",       "trials",
                       "left_out",      "area",
                       "against_area",  "difference",
                       "low",           "high",
                       "wins",          "losses",
                       "ties",          "p",
                       "p_holm",        "verdict",
                       "p_wilcoxon",    "cohen_d",
                       "rank_biserial", "needed_for_1_point",
                       "labels_saved",  "saved_low",
                       "saved_high"});
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
      csv.text(words(pair));
      number(pair.ranks.p, "{:.4g}"), number(pair.effect), number(pair.ranks.rank_biserial);
      number(pair.needed > 0 ? double(pair.needed) : NAN, "{}");
      for (const double value : {pair.saved.labels, pair.saved_interval.low, pair.saved_interval.high})
        number(value, "{:.1f}");
      csv.end_row();
    }
  return csv.str();
}

std::string markdown_sentences(const PairedBlock& block) {
  std::string text;
  for (const Pair& pair : block.comparison.pairs) text += "- " + sentence(block.comparison, pair) + "\n";
  return text.empty() ? text : "\n" + text;
}

std::string pairs_section(const PairedBlock& block) {
  const Comparison& c = block.comparison;
  if (c.methods.empty()) return "";
  std::string html = html_areas(c) + fmt::format("<p class=\"note\">{}</p>\n", escape_xml(about_areas(block)));
  if (!c.pairs.empty())
    html += fmt::format("<p class=\"note\">{}</p>\n", escape_xml(about_pairs(block))) + html_charts(c) +
            html_matrix(c) +
            "<p class=\"note\">Differences of areas in points, the methods by their numbers above; bold: better or "
            "worse.</p>\n" +
            details("Every pair in words", html_sentences(c)) + details("Every pair in numbers", html_list(c));
  return section("pairs", "Methods compared trial by trial", html);
}

std::string html_blocks(const std::vector<PairedBlock>& blocks) {
  if (blocks.size() < 2) return "";
  std::vector<std::vector<TableCell>> rows;
  std::vector<std::pair<double, std::vector<TableCell>>> found;
  for (const MethodAreas& method : blocks[0].comparison.methods) {
    std::vector<std::vector<double>> strata;
    std::vector<double> all;
    for (const PairedBlock& block : blocks)
      for (const MethodAreas& other : block.comparison.methods)
        if (other.name == method.name) {
          auto& stratum = strata.emplace_back();
          for (const auto& [trial, area] : other.by_trial) stratum.push_back(area), all.push_back(area);
        }
    if (strata.size() != blocks.size()) continue;
    const double value = interquartile_mean(all);
    found.emplace_back(-value, std::vector<TableCell>{TableCell::text(method.name),
                                                      {with_interval(value, bootstrap(strata, interquartile_mean))},
                                                      TableCell::integer(int64_t(all.size()))});
  }
  std::ranges::stable_sort(found, {}, [](const auto& row) { return row.first; });
  for (auto& [key, row] : found) rows.push_back(std::move(row));
  if (rows.size() < 2) return "";
  return table({"all blocks together", "interquartile mean", "trials"}, rows) +
         fmt::format(
             "<p class=\"note\">Interquartile mean of the areas of all trials of all {} blocks, of methods that "
             "every block has, with a 95 % bootstrap interval stratified by block (Agarwal et al. 2021).</p>\n",
             blocks.size());
}

}  // namespace crc::apps
