#include "apps/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/report/mistakes.h"
#include "apps/report/report_sections.h"
#include "apps/sweep/sweep.h"
#include "apps/train/experiment.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using Runs = std::vector<RunRecord>;

constexpr size_t kMaxImages = 2'500'000;  // bytes of queried images; the rest of a report is small

std::string header(const Runs& runs, const Groups& groups) {
  const Config& config = runs[0].config;
  std::string acquisitions;
  for (const RunGroup& group : groups) acquisitions += (acquisitions.empty() ? "" : ", ") + group.name;
  const std::string title =
      runs.size() == 1 ? runs[0].name : "Active learning on " + config.get<std::string>("data.name");
  const double noise = config.get<double>("data.label_noise");
  const std::string html = fmt::format(
      "<h1>{}</h1>\n<p class=\"sub\">{} · {}-{}-{} · {} · {}</p>\n", escape_xml(title),
      escape_xml(config.get<std::string>("data.name")), config.get<std::string>("model.name"),
      config.get<int64_t>("model.depth"), config.get<int64_t>("model.width"), config.get<std::string>("ssl.method"),
      escape_xml(acquisitions) + (runs.size() > 1 ? fmt::format(" · {} runs", runs.size()) : "") +
          (noise > 0 ? fmt::format(" · {:.4g} % of the annotator's answers wrong", 100 * noise) : ""));
  const RunGroup& first = groups[0];
  const std::vector<int64_t> counts = label_counts({first});
  const int64_t labels = counts.empty() ? int64_t(runs[0].labels.size()) : counts.back();
  const MeanStd accuracy = at_labels(first, labels, &RoundRow::acc_last);
  const MeanStd validated = at_labels(first, labels, &RoundRow::acc_cv);
  const MeanStd& shown = accuracy.count > 0 ? accuracy : validated;
  double total = 0;
  for (const RunRecord& run : runs) {
    for (const RoundRow& row : run.rounds) {
      total += std::isfinite(row.train_s) ? row.train_s : 0;
      total += std::isfinite(row.query_s) ? row.query_s : 0;
    }
  }
  // Of a sweep apps/evidence says all that test accuracy chose.
  const auto ahead = std::ranges::find_if(runs, [](const RunRecord& run) { return asks_by_test(run.config); });
  const std::string looked =
      ahead == runs.end() ? ""
                          : paragraph("<strong>Test accuracy was used for choices: the labels that " +
                                      escape_xml(ahead->config.get<std::string>("acquisition.name")) +
                                      " asks for.</strong> No acquisition can know it; this shows what was possible.");
  auto tile = [](const std::string& value, const std::string& what) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", value, escape_xml(what));
  };
  return html + looked + "<div class=\"tiles\">\n" +
         tile(shown.count ? fmt::format("{:.{}f} %", 100 * shown.mean, accuracy.count ? 2 : 1) : "–",
              (accuracy.count || !validated.count ? "accuracy, " : "cross-validated accuracy, ") + first.name +
                  (shown.count > 1 ? fmt::format(", {} seeds", shown.count) : "")) +
         tile(fmt::format("{}", labels), "labels used") +
         tile(fmt::format("{}", std::max<size_t>(1, counts.size()) - 1), "queries") +
         tile(TableCell::seconds(total).html, runs.size() > 1 ? "computing time, all runs" : "computing time") +
         "</div>\n";
}

bool is_measured(const Groups& groups) {
  for (const RunGroup& group : groups)
    for (const RunRecord* run : group.runs)
      for (const RoundRow& row : run->rounds)
        if (std::isfinite(row.acc_last)) return true;
  return false;
}

std::string accuracy_section(const Groups& groups) {
  const std::vector<int64_t> counts = label_counts(groups);
  if (!counts.empty() && !is_measured(groups))
    return section(
        "accuracy", "How good it is",
        paragraph("No test accuracy: the data set has no labelled test images, so that nothing was measured. "
                  "The last model of every round stands for its best one, unless held-out images chose it."));
  std::string caption = "Accuracy of the tested model after the last epoch; the axis counts the labels in the ledger.";
  if (std::any_of(groups.begin(), groups.end(), [](const RunGroup& g) { return g.runs.size() > 1; })) {
    caption += " Thick: mean over seeds; thin: single seeds; band: one standard deviation.";
  }
  std::string html = chart_figure(accuracy_chart(groups), caption);
  std::vector<std::string> heads = {"acquisition", "runs"};
  for (int64_t count : counts) heads.push_back(fmt::format("{} labels", count));
  auto rows_for = [&](double RoundRow::*column) {
    std::vector<std::vector<TableCell>> rows;
    for (const RunGroup& group : groups) {
      auto& row = rows.emplace_back();
      row = {group_cell(group), TableCell::integer(int64_t(group.runs.size()))};
      for (int64_t count : counts) row.push_back(mean_cell(at_labels(group, count, column)));
    }
    return rows;
  };
  html += table(heads, rows_for(&RoundRow::acc_last));
  html += details("Other protocols: median of the last evaluations, best on the test set",
                  paragraph("Median of the last evaluations") + table(heads, rows_for(&RoundRow::acc_median)) +
                      paragraph("Best evaluation, chosen on the test set: for comparison with published numbers only") +
                      table(heads, rows_for(&RoundRow::acc_best)));
  return section("accuracy", "How good it is", html);
}

}  // namespace

bool may_report_again(const fs::path& out, const fs::path& of) {
  std::error_code error;
  if (fs::equivalent(out, of, error)) return true;
  const fs::path page = out / "report.html";
  if (!is_folder(out, Use::output) || !file_exists(page, Use::output) || file_exists(out / "run.json") ||
      Sweep::is_sweep(out))
    return false;
  return read_file(page).substr(0, 1024).find(kPageGenerator) != std::string::npos;
}

std::string with_contents(const std::string& html) {
  const std::string_view open = "<section id=\"";
  const auto text_from = [&](size_t at, char end) { return html.substr(at, html.find(end, at) - at); };
  const size_t first = html.find(open);
  if (first == html.npos) return html;
  std::string links;
  for (size_t at = first; at < html.npos;) {
    const size_t next = html.find(open, at), block = html.find("<h1>", at);
    if (block < next) links += "<b>" + text_from(block + 4, '<') + "</b>\n";  // of a sweep
    if (next == html.npos) break;
    at = next + open.size();
    links += fmt::format("<a href=\"#{}\">{}</a>\n", text_from(at, '"'), text_from(html.find("<h2>", at) + 4, '<'));
  }
  return html.substr(0, first) + "<nav>\n" + links + "</nav>\n" + html.substr(first);
}

std::string live_note(int reload_s) {
  if (reload_s <= 0) return "";
  return fmt::format("<p class=\"live\">The run goes on; as of {}. This page comes again every {} s.</p>\n", utc_now(),
                     reload_s);
}

std::string report_html(const Runs& runs, int reload_s) {
  if (runs.empty()) fail(ExitCode::usage, "a report needs at least one run's directory");
  const Groups groups = group_runs(runs);
  RunList list;
  for (const RunRecord& run : runs) list.push_back(&run);
  const std::string sections = accuracy_section(groups) + cross_validation_section(list) + classes_section(groups) +
                               queries_section(list, kMaxImages) + scores_section(groups) +
                               (runs.size() == 1 ? mistakes_section(runs[0]) : "") + training_section(groups) +
                               cost_section(groups) + rounds_section(list) + runs_section(list) +
                               settings_section(list);
  return html_page(runs.size() == 1 ? runs[0].name : "crc report",
                   live_note(reload_s) + with_contents(header(runs, groups) + sections), reload_s);
}

}  // namespace crc::apps
