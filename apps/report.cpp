#include "apps/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/axes.h"
#include "apps/html.h"
#include "apps/summary.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using Runs = std::vector<RunRecord>;
using Groups = std::vector<RunGroup>;

constexpr size_t kMaxImages = 1'300'000;  // bytes of data URIs; the rest of a report is small

template <class Chart> std::string chart_figure(const Chart& chart, std::string_view caption = "") {
  return figure(chart_svg(chart), caption);
}

Cell group_cell(const RunGroup& group) {
  return {fmt::format("<span class=\"key\" style=\"background:var({})\"></span>{}", css_name(group.ink),
                      escape_xml(group.name))};
}

std::string state_of(const RunRecord& run) {
  switch (run.marker) {
    case Marker::done:
      return "done";
    case Marker::preempted:
      return "preempted";
    case Marker::waiting:
      return "waiting for labels";
    default:
      return "running";
  }
}

std::string header(const Runs& runs, const Groups& groups) {
  const Config& config = runs[0].config;
  std::string acquisitions;
  for (const RunGroup& group : groups) acquisitions += (acquisitions.empty() ? "" : ", ") + group.name;
  const std::string title =
      runs.size() == 1 ? runs[0].name : "Active learning on " + config.get<std::string>("data.name");
  const std::string html = fmt::format(
      "<h1>{}</h1>\n<p class=\"sub\">{} · {}-{}-{} · {} · {}</p>\n", escape_xml(title),
      escape_xml(config.get<std::string>("data.name")), config.get<std::string>("model.name"),
      config.get<int64_t>("model.depth"), config.get<int64_t>("model.width"), config.get<std::string>("ssl.method"),
      escape_xml(acquisitions) + (runs.size() > 1 ? fmt::format(" · {} runs", runs.size()) : ""));
  const RunGroup& first = groups[0];
  const std::vector<int64_t> counts = label_counts({first});
  const int64_t labels = counts.empty() ? int64_t(runs[0].labels.size()) : counts.back();
  const MeanStd accuracy = at_labels(first, labels, &RoundRow::acc_last);
  double total = 0;
  for (const RunRecord& run : runs) {
    for (const RoundRow& row : run.rounds) {
      total += std::isfinite(row.train_s) ? row.train_s : 0;
      total += std::isfinite(row.query_s) ? row.query_s : 0;
    }
  }
  auto tile = [](const std::string& value, const std::string& what) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", value, escape_xml(what));
  };
  return html + "<div class=\"tiles\">\n" +
         tile(accuracy.count ? fmt::format("{:.2f} %", 100 * accuracy.mean) : "–",
              "accuracy, " + first.name + (accuracy.count > 1 ? fmt::format(", {} seeds", accuracy.count) : "")) +
         tile(fmt::format("{}", labels), "labels used") +
         tile(fmt::format("{}", std::max<size_t>(1, counts.size()) - 1), "queries") +
         tile(Cell::seconds(total).html, runs.size() > 1 ? "computing time, all runs" : "computing time") + "</div>\n";
}

std::string accuracy_section(const Groups& groups) {
  const std::vector<int64_t> counts = label_counts(groups);
  std::string caption = "Accuracy of the tested model after the last epoch; the axis counts the labels in the ledger.";
  if (std::any_of(groups.begin(), groups.end(), [](const RunGroup& g) { return g.runs.size() > 1; })) {
    caption += " Thick: mean over seeds; thin: single seeds; band: one standard deviation.";
  }
  std::string html = chart_figure(accuracy_chart(groups), caption);
  std::vector<std::string> heads = {"acquisition", "runs"};
  for (int64_t count : counts) heads.push_back(fmt::format("{} labels", count));
  auto rows_for = [&](double RoundRow::*column) {
    std::vector<std::vector<Cell>> rows;
    for (const RunGroup& group : groups) {
      auto& row = rows.emplace_back();
      row = {group_cell(group), Cell::integer(int64_t(group.runs.size()))};
      for (int64_t count : counts) row.push_back(Cell::percent(at_labels(group, count, column)));
    }
    return rows;
  };
  html += table(heads, rows_for(&RoundRow::acc_last));
  html += details("Other protocols: median of the last evaluations, best on the test set",
                  paragraph("Median of the last evaluations") + table(heads, rows_for(&RoundRow::acc_median)) +
                      paragraph("Best evaluation, chosen on the test set: for comparison with published numbers only") +
                      table(heads, rows_for(&RoundRow::acc_best)));
  return section("accuracy", "Results", html);
}

std::string runs_section(const Runs& runs) {
  std::vector<std::vector<Cell>> rows;
  for (const RunRecord& run : runs) {
    rows.push_back({Cell::text(run.name), Cell::text(run.acquisition), Cell::integer(run.seed),
                    Cell::text(state_of(run)), Cell::integer(int64_t(run.labels.size())),
                    Cell::percent(run.rounds.empty() ? kNone : run.rounds.back().acc_last), Cell::code(run.ledger_head),
                    Cell::text(run.determinism)});
  }
  return section(
      "runs", "Runs",
      table({"run", "acquisition", "seed", "state", "labels", "accuracy %", "ledger head", "determinism"}, rows) +
          "<p class=\"note\">The ledger head is the last hash of the chain in <code>labels.jsonl</code>: two "
          "runs with the same head used exactly the same labels in the same order.</p>\n");
}

std::string rounds_section(const Runs& runs) {
  std::string html;
  for (const RunRecord& run : runs) {
    std::vector<std::vector<Cell>> rows;
    for (const RoundRow& r : run.rounds) {
      rows.push_back({Cell::integer(r.round), Cell::integer(r.labels), Cell::percent(r.acc_last),
                      Cell::percent(r.acc_median), Cell::percent(r.acc_best), Cell::percent(r.balanced_acc),
                      Cell::real(r.ece, "{:.3f}"), Cell::real(r.loss), Cell::real(r.lambda_min, "{:.2e}"),
                      Cell::integer(r.epochs), Cell::seconds(r.train_s), Cell::seconds(r.query_s)});
    }
    html += details(run.name,
                    table({"round", "labels", "last %", "median %", "best %", "balanced %", "ECE", "loss", "λ min",
                           "epochs", "training", "query"},
                          rows),
                    &run == &runs[0]);
  }
  return section("rounds", "Rounds and timing", html);
}

std::string queries_section(const Runs& runs) {
  std::string html;
  size_t used = 0, left_out = 0;
  for (const RunRecord& run : runs) {
    std::string images;
    for (const auto& [round, png] : run.query_png) {
      if (used + png.size() * 4 / 3 > kMaxImages) {
        ++left_out;
        continue;
      }
      used += png.size() * 4 / 3;
      images += fmt::format(
          "<figure><img alt=\"images queried after round {}\" src=\"{}\"/><figcaption>after round {}"
          "</figcaption></figure>\n",
          round, data_uri_png(png), round);
    }
    if (!images.empty()) {
      html += details(run.name, "<div class=\"queries\">\n" + images + "</div>\n", &run == &runs[0]);
    }
  }
  if (left_out > 0) {
    html += paragraph(fmt::format("{} more are in the runs' directories: <code>rounds/NN/query.png</code>.", left_out));
  }
  return html.empty() ? "" : section("queries", "Queried images", html);
}

std::string classes_section(const Groups& groups) {
  int64_t classes = 0;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) {
      classes = std::max(classes, int64_t(run->class_names.size()));
      for (const Label& label : run->labels) classes = std::max(classes, label.klass + 1);
    }
  }
  BarChart chart;
  chart.title = "Labels per class";
  chart.y_label = "labels, mean over runs";
  chart.x_label = "class";
  chart.description = "Number of labels of each class in the ledger, mean over the runs of each acquisition.";
  const auto& names = groups[0].runs[0]->class_names;
  for (int64_t c = 0; c < std::min<int64_t>(classes, 1000); ++c) {
    chart.categories.push_back(c < int64_t(names.size()) ? names[size_t(c)] : fmt::format("{}", c));
  }
  for (const RunGroup& group : groups) {
    BarSeries series{.name = group.name, .ink = group.ink, .values = std::vector<double>(chart.categories.size(), 0)};
    for (const RunRecord* run : group.runs) {
      for (const Label& label : run->labels) {
        if (label.klass < int64_t(series.values.size())) {
          series.values[size_t(label.klass)] += 1.0 / double(group.runs.size());
        }
      }
    }
    chart.series.push_back(std::move(series));
  }
  return section("classes", "Classes of the labels", chart_figure(chart));
}

// One line per group, over the epochs of its last round; or, of a single run, one line per round.
LineChart epochs_chart(const Groups& groups, double EpochMetrics::*column, const std::string& title) {
  LineChart chart;
  chart.title = title;
  chart.x_label = "epoch";
  chart.height = 280;
  chart.description = title + " by epoch.";
  auto add = [&](const std::string& name, Ink ink, const std::vector<const RunRecord*>& runs, int64_t round) {
    std::map<int64_t, std::vector<double>> by_epoch;
    for (const RunRecord* run : runs) {
      for (const EpochMetrics& m : run->epochs) {
        if (m.round == round && std::isfinite(m.*column)) by_epoch[m.epoch].push_back(100 * m.*column);
      }
    }
    LineSeries series{.name = name, .ink = ink, .mean = {}, .deviation = {}, .members = {}, .points = false};
    for (const auto& [epoch, values] : by_epoch) series.mean.push_back({double(epoch), mean_std(values).mean});
    if (!series.mean.empty()) chart.series.push_back(std::move(series));
  };
  if (groups.size() == 1 && groups[0].runs.size() == 1) {
    const RunRecord& run = *groups[0].runs[0];
    const size_t first = run.rounds.size() > 6 ? run.rounds.size() - 6 : 0;
    for (size_t i = first; i < run.rounds.size(); ++i) {
      add(fmt::format("round {}", run.rounds[i].round), series_ink(int(i - first)), groups[0].runs,
          run.rounds[i].round);
    }
  } else {
    for (const RunGroup& group : groups) {
      int64_t last = 0;
      for (const RunRecord* run : group.runs) {
        for (const EpochMetrics& m : run->epochs) last = std::max(last, m.round);
      }
      add(group.name, group.ink, group.runs, last);
    }
  }
  return chart;
}

std::string training_section(const Groups& groups) {
  const std::pair<double EpochMetrics::*, const char*> charts[] = {
      {&EpochMetrics::test_acc, "Test accuracy (%)"},
      {&EpochMetrics::mask_rate, "Mask rate: unlabelled images that counted (%)"},
      {&EpochMetrics::pseudo_acc, "Accuracy of their pseudo-labels (%)"}};
  std::string html;
  for (const auto& [column, title] : charts) {
    const LineChart chart = epochs_chart(groups, column, title);
    if (!chart.series.empty()) html += chart_figure(chart);
  }
  if (html.empty()) return "";
  const bool single = groups.size() == 1 && groups[0].runs.size() == 1;
  return section("training", "Training",
                 html + (single ? "" : "<p class=\"note\">The last round, mean over seeds.</p>\n"));
}

std::string scores_section(const Groups& groups) {
  std::string html;
  for (const RunGroup& group : groups) {
    const RunRecord& run = *group.runs[0];
    if (run.scores.empty()) continue;
    const auto& [round, h] = *run.scores.rbegin();
    BarChart chart;
    chart.title = fmt::format("{}, seed {}: scores after round {}", group.name, run.seed, round);
    chart.y_label = "candidates";
    chart.x_label = "score";
    chart.height = 240;
    chart.touching = true;
    chart.description = chart.title;
    BarSeries series{.name = "candidates", .ink = Ink::muted, .values = {}};
    const double width = (h.high - h.low) / double(std::max<size_t>(1, h.counts.size()));
    for (int64_t bin : h.counts) series.values.push_back(double(bin));
    if (width > 0) chart.x_range = {h.low, h.high};
    for (double score : h.chosen) chart.marks.push_back(width > 0 ? (score - h.low) / width : 0.5);
    chart.mark_name = "chosen";
    chart.series.push_back(std::move(series));
    html += chart_figure(chart);
  }
  return html.empty() ? "" : section("scores", "Acquisition scores", html);
}

std::string settings_section(const Runs& runs) {
  const RunRecord& run = runs[0];
  std::vector<std::vector<Cell>> machine;
  for (const auto& [key, value] : run.facts) {
    machine.push_back({Cell::text(key), {"<span style=\"white-space:normal\">" + escape_xml(value) + "</span>"}});
  }
  std::string html = table({"", "first run"}, machine);
  for (const RunRecord& each : runs) {
    html += details("config.toml of " + each.name, "<pre>" + escape_xml(each.config_text) + "</pre>\n");
    if (html.size() > 300'000) break;
  }
  return section("settings", "Settings and machine", html);
}

}  // namespace

std::string report_html(const Runs& runs) {
  if (runs.empty()) fail(ExitCode::usage, "a report needs at least one run's directory");
  const Groups groups = group_runs(runs);
  const std::string body = header(runs, groups) + accuracy_section(groups) + runs_section(runs) + rounds_section(runs) +
                           queries_section(runs) + classes_section(groups) + training_section(groups) +
                           scores_section(groups) + settings_section(runs);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>{}</title>\n"
      "<style>:root{{color-scheme:light dark;{}}}\n@media(prefers-color-scheme:dark){{:root{{{}}}}}{}</style>\n"
      "</head>\n<body><main>\n{}</main></body>\n</html>\n",
      escape_xml(runs.size() == 1 ? runs[0].name : "crc report"), css_variables(Theme::light),
      css_variables(Theme::dark), kReportStyle, body);
}

}  // namespace crc::apps
