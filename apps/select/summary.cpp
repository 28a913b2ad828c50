#include "apps/select/summary.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "apps/base/version.h"
#include "apps/draw/html.h"
#include "apps/draw/png.h"
#include "apps/rundir/query_files.h"

namespace crc::apps {
namespace {

using Row = std::vector<TableCell>;
constexpr size_t kMostRows = 25;        // of picks on the page
constexpr size_t kMostItems = 20;       // of a group in one row
constexpr size_t kMostSheet = 4 << 20;  // bytes of the sheet inside the page

// Of this process so far, with what it touched of mapped files.
double peak_gib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / (1 << 20);
}

std::string time_and_memory(const SelectFacts& f) {
  return fmt::format("{:.2f} s reading, {:.2f} s scoring and searching; {:.2f} GiB of memory at most", f.reading_s,
                     f.selecting_s, peak_gib());
}

bool has_spectrum(const SelectFacts& f) { return f.selection.rank > 0; }

std::string tiles(const SelectFacts& f) {
  const select::Selection& s = f.selection;
  const auto tile = [](const std::string& value, const std::string& what) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", value, escape_xml(what));
  };
  std::string html;
  if (has_spectrum(f)) {
    html += tile(fmt::format("{:.4g}", s.achieved), "score with all picks labelled");
    html += tile(fmt::format("{}", s.rank), fmt::format("rank of features and bias, {} at most", f.features + 1));
    html += tile(fmt::format("{}", s.below_noise), "candidates below the noise floor");
    html += tile(fmt::format("{}", s.duplicates), "items that repeat another or a labelled one");
  } else {
    html += tile(fmt::format("{:.4g}", s.groups.front().score), "score of the first pick");
    html += tile(fmt::format("{:.4g}", s.groups.back().score), "score of the last pick");
  }
  html += tile(fmt::format("{:.2f} s", f.reading_s + f.selecting_s), "computing time");
  return "<div class=\"tiles\">\n" + html + "</div>\n";
}

std::string scores(const SelectFacts& f) {
  const select::Selection& s = f.selection;
  if (s.scores.empty()) return "";
  const ScoreHistogram histogram = make_histogram(s.scores, chosen_candidates(s));
  const std::string title = has_spectrum(f) ? "Smallest eigenvalue with each candidate" : f.config.name + " by item";
  std::string caption = fmt::format("{} candidates{}; triangles mark what was picked.", s.scores.size(),
                                    s.group_size > 1 ? fmt::format(" of {} items", s.group_size) : "");
  if (histogram.not_finite > 0) caption += fmt::format(" {} scores are not finite.", histogram.not_finite);
  return section("scores", "Scores of the candidates",
                 chart_figure(histogram_chart(title, "score", histogram.low, histogram.high, histogram.counts,
                                              histogram.chosen, "chosen"),
                              caption));
}

std::string picks(const SelectFacts& f, const std::string& sheet_png) {
  const auto& groups = f.selection.groups;
  std::vector<Row> rows;
  for (size_t g = 0; g < std::min(groups.size(), kMostRows); ++g) {
    std::string items;
    for (size_t k = 0; k < std::min(groups[g].items.size(), kMostItems); ++k)
      items += fmt::format("{}{}", k > 0 ? ", " : "", groups[g].items[k]);
    if (groups[g].items.size() > kMostItems) items += ", …";
    rows.push_back(
        {TableCell::integer(int64_t(g)), TableCell::real(groups[g].score, "{:.6g}"), TableCell::text(items)});
  }
  std::string html = table({"group", "score", groups.front().items.size() == 1 ? "item" : "items"}, rows);
  if (groups.size() > kMostRows)
    html += paragraph(fmt::format("{} more are in the CSV file.", groups.size() - kMostRows));
  if (!sheet_png.empty() && sheet_png.size() <= kMostSheet)
    html += figure(
        fmt::format("<img style=\"max-width:100%\" alt=\"the picked images\" src=\"{}\"/>\n", data_uri_png(sheet_png)));
  return section("picks", "Picked items, best first", html);
}

std::string what_they_stand_for(const SelectFacts& f) {
  if (f.standings.empty()) return "";
  std::vector<Row> rows;
  int64_t by_labeled = f.labeled + f.unlabeled;
  for (size_t k = 0; k < f.selection.picks.size(); ++k) {
    const select::Standing& s = f.standings.at(f.selection.picks[k]);
    by_labeled -= s.items;
    if (k < kMostRows)
      rows.push_back({TableCell::integer(f.selection.picks[k]), TableCell::integer(s.items),
                      TableCell::real(s.mean, "{:.4g}"), TableCell::real(s.largest, "{:.4g}")});
  }
  return section("standing", "What the picks stand for",
                 table({"item", "stands for", "mean distance", "largest distance"}, rows) +
                     paragraph(fmt::format("Every item belongs to the nearest labelled or picked one by the Euclidean "
                                           "distance of features, itself included; {} belong to labelled items.",
                                           by_labeled)));
}

std::string what_was_scored(const SelectFacts& f) {
  const select::Config& c = f.config;
  std::vector<Row> rows;
  const auto row = [&](const std::string& name, const std::string& value) {
    rows.push_back({TableCell::text(name), TableCell::text(value)});
  };
  for (const auto& [option, file] : f.inputs) row(option, file);
  row("items", fmt::format("{}: {} labelled, {} to choose from", f.items, f.labeled, f.unlabeled));
  row("budget",
      c.group_size > 1 ? fmt::format("{} in groups of {}", c.budget, c.group_size) : fmt::format("{}", c.budget));
  if (has_spectrum(f)) {
    row("search, solver", fmt::format("{}, {}", word_of(c.search), word_of(c.solver)));
    row("classes", fmt::format("{}", f.classes));
    row("score with all picks",
        fmt::format("{:.10g}; below {:.3g} it would be rounding", f.selection.achieved, f.selection.noise_floor));
    row("dimensions of the labelled", fmt::format("{} of {} items", f.selection.labeled_rank, f.labeled));
    row("candidates with copies", fmt::format("{}; they come last", f.selection.copies));
    row("constant features", fmt::format("{} of {}", f.selection.constant_features, f.features));
  }
  if (f.weighted) row("weights", "by predicted class");
  if (!c.parts.empty()) row("quota", fmt::format("at most {} picks of a class or cluster", c.quota));
  row("seed, round", fmt::format("{}, {}", c.seed, c.round));
  return section("pool", "What was scored", table({"", ""}, rows));
}

std::string made_with(const SelectFacts& f) {
  return section("made", "How to make this again",
                 "<pre>" + escape_xml(f.command) + "</pre>\n" +
                     paragraph(escape_xml(fmt::format("crc_select {} ({}), {}. On {}. {}.", version(), commit(),
                                                      compiler(), f.device, time_and_memory(f)))));
}

}  // namespace

std::string select_lines(const SelectFacts& f) {
  std::string lines = f.selection.summary + "\n";
  for (const std::string& warning : f.selection.warnings) lines += "warning: " + warning + "\n";
  if (!f.outlook.empty()) lines += f.outlook + "\n";
  return lines + time_and_memory(f) + "\n";
}

std::string select_page(const SelectFacts& f, const std::string& sheet_png) {
  const std::string title = fmt::format("{} items to label next", f.config.budget);
  std::string head =
      fmt::format("<h1>{}</h1>\n<p class=\"sub\">{}</p>\n", escape_xml(title), escape_xml(f.selection.summary));
  for (const std::string& warning : f.selection.warnings) head += paragraph(escape_xml("Warning: " + warning + "."));
  if (!f.outlook.empty()) head += paragraph(escape_xml("Stop rule: " + f.outlook + "."));
  return html_page(title, head + tiles(f) + scores(f) + picks(f, sheet_png) + what_they_stand_for(f) +
                              what_was_scored(f) + made_with(f));
}

}  // namespace crc::apps
