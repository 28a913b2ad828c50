#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/draw/axes.h"
#include "apps/draw/html.h"
#include "apps/report/figures.h"
#include "apps/report/report_sections.h"
#include "data/png.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

int64_t last_round(const RunGroup& group) {
  int64_t last = 0;
  for (const RunRecord* run : group.runs)
    for (const EpochMetrics& m : run->epochs) last = std::max(last, m.round);
  return last;
}

// One line per group, over the epochs of its last round; or, of a single run, one line per round.
template <class Value> LineChart epochs_chart(const Groups& groups, Value value, const std::string& title) {
  LineChart chart;
  chart.title = title;
  chart.x_label = "epoch";
  chart.height = 280;
  chart.description = title + " by epoch.";
  auto add = [&](const std::string& name, Ink ink, const std::vector<const RunRecord*>& runs, int64_t round) {
    std::map<int64_t, std::vector<double>> by_epoch;
    for (const RunRecord* run : runs) {
      for (const EpochMetrics& m : run->epochs) {
        if (m.round == round && std::isfinite(value(m))) by_epoch[m.epoch].push_back(100 * value(m));
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
      add(group.name, group.ink, group.runs, last_round(group));
    }
  }
  return chart;
}

// By class, at the end of each group's last round, mean over its runs.
BarChart pseudo_classes_chart(const Groups& groups, std::vector<double> EpochMetrics::*column,
                              const std::string& title) {
  BarChart chart;
  chart.title = title;
  chart.x_label = "class";
  chart.y_label = "%";
  chart.description = title + ", at the end of the last round, mean over the runs of each acquisition.";
  const auto& names = groups[0].runs[0]->class_names;
  for (const RunGroup& group : groups) {
    const int64_t last = last_round(group);
    std::vector<std::vector<double>> by_class;
    for (const RunRecord* run : group.runs) {
      const auto at = std::find_if(run->epochs.rbegin(), run->epochs.rend(),
                                   [&](const EpochMetrics& m) { return m.round == last && !(m.*column).empty(); });
      if (at == run->epochs.rend()) continue;
      by_class.resize(std::max(by_class.size(), ((*at).*column).size()));
      for (size_t c = 0; c < ((*at).*column).size(); ++c) by_class[c].push_back(((*at).*column)[c]);
    }
    if (by_class.empty()) continue;
    BarSeries series{.name = group.name, .ink = group.ink, .values = {}};
    for (const std::vector<double>& values : by_class) {
      const double mean = mean_of_known(values);
      series.values.push_back(std::isfinite(mean) ? 100 * mean : 0);
    }
    for (size_t c = chart.categories.size(); c < series.values.size(); ++c)
      chart.categories.push_back(c < names.size() ? names[c] : fmt::format("{}", c));
    chart.series.push_back(std::move(series));
  }
  for (BarSeries& series : chart.series) series.values.resize(chart.categories.size(), 0);
  return chart;
}

}  // namespace

std::vector<data::RgbImage> tiles_in(const std::string& sheet_png, int64_t count) {
  if (sheet_png.empty() || count < 1) return {};
  try {
    return tiles_of(data::decode_png({reinterpret_cast<const uint8_t*>(sheet_png.data()), sheet_png.size()}, "sheet"),
                    count);
  } catch (const Error&) {  // what is no picture is shown as it is
    return {};
  }
}

std::string image_tag(const data::RgbImage& picture) {
  constexpr int64_t kMostSide = 96;
  const int64_t factor = (std::max(picture.height, picture.width) + kMostSide - 1) / kMostSide;
  data::RgbImage small{picture.height / factor, picture.width / factor, {}};
  for (int64_t y = 0; y < small.height; ++y)
    for (int64_t x = 0; x < small.width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        int64_t sum = 0;
        for (int64_t k = 0; k < factor * factor; ++k)
          sum += picture.pixels[size_t(((y * factor + k / factor) * picture.width + x * factor + k % factor) * 3 + c)];
        small.pixels.push_back(uint8_t(sum / (factor * factor)));
      }
  const data::Bytes png = data::encode_png(small);
  return fmt::format("<img alt=\"\" src=\"{}\"/>",
                     data_uri_png({reinterpret_cast<const char*>(png.data()), png.size()}));
}

namespace {

// Each queried image with the class that it has now; or the sheet as it is, where nothing says what it shows.
std::string query_pictures(const RunRecord& run, int64_t round, const std::string& png) {
  const auto asked = run.asked.find(round);
  const std::vector<int64_t> items = asked == run.asked.end() ? std::vector<int64_t>() : asked->second;
  const int64_t shown = std::min(int64_t(items.size()), run.config.get<int64_t>("report.query_images"));
  const std::vector<data::RgbImage> tiles = tiles_in(png, shown);
  if (tiles.empty())
    return fmt::format("<figure class=\"sheet\"><img alt=\"images queried after round {}\" src=\"{}\"/></figure>\n",
                       round, data_uri_png(png));
  std::map<int64_t, int64_t> classes;
  for (const Label& label : run.labels) classes[label.item] = label.class_index;
  std::string html = "<div class=\"pictures\">\n";
  for (size_t i = 0; i < tiles.size(); ++i) {
    const auto label = classes.find(items[i]);
    const size_t index = label == classes.end() ? run.class_names.size() : size_t(label->second);
    html += fmt::format("<figure>{}<figcaption>{}#{}</figcaption></figure>\n", image_tag(tiles[i]),
                        index < run.class_names.size() ? "<b>" + escape_xml(run.class_names[index]) + "</b><br/>" : "",
                        items[i]);
  }
  return html + "</div>\n" +
         (tiles.size() < items.size() ? paragraph(fmt::format("The first {} of {}.", tiles.size(), items.size())) : "");
}

}  // namespace

std::string queries_section(const RunList& runs, size_t max_bytes) {
  std::string html;
  size_t used = 0, left_out = 0;
  for (const RunRecord* const each : runs) {
    const RunRecord& run = *each;
    std::string images;
    for (const auto& [round, png] : run.query_png) {
      const std::string pictures = used < max_bytes ? query_pictures(run, round, png) : "";
      if (pictures.empty() || used + pictures.size() > max_bytes) {
        ++left_out;
        continue;
      }
      used += pictures.size();
      images += fmt::format("<h3>after round {}</h3>\n", round) + pictures;
    }
    if (!images.empty()) html += details(run.name, images, each == runs[0]);
  }
  if (left_out > 0) {
    html += paragraph(fmt::format("{} more are in the runs' directories: <code>rounds/NN/query.png</code>.", left_out));
  }
  return html.empty() ? "" : section("queries", "What was asked", html);
}

std::string classes_section(const Groups& groups) {
  int64_t classes = 0;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) {
      classes = std::max(classes, int64_t(run->class_names.size()));
      for (const Label& label : run->labels) classes = std::max(classes, label.class_index + 1);
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
        if (label.class_index < int64_t(series.values.size())) {
          series.values[size_t(label.class_index)] += 1.0 / double(group.runs.size());
        }
      }
    }
    chart.series.push_back(std::move(series));
  }
  return section("classes", "How many labels", chart_figure(chart));
}

std::string training_section(const Groups& groups) {
  const std::pair<double EpochMetrics::*, const char*> charts[] = {
      {&EpochMetrics::test_acc, "Test accuracy (%)"},
      {&EpochMetrics::val_acc, "Accuracy on the held-out images (%)"},
      {&EpochMetrics::mask_rate, "Mask rate: unlabelled images that counted (%)"},
      {&EpochMetrics::pseudo_acc, "Accuracy of their pseudo-labels (%)"},
      {&EpochMetrics::unclaimed, "Unlabelled images that no class claims (%)"}};
  std::string html;
  const auto draw = [&](const auto& chart) {
    if (!chart.series.empty()) html += chart_figure(chart);
  };
  for (const auto& chart : charts) {
    const auto column = chart.first;
    draw(epochs_chart(
        groups, [column](const EpochMetrics& m) { return m.*column; }, chart.second));
  }
  draw(epochs_chart(
      groups, [](const EpochMetrics& m) { return mean_of_known(m.threshold); },
      "Threshold of confidence, mean of the classes (%)"));
  draw(pseudo_classes_chart(groups, &EpochMetrics::precision, "Precision of pseudo-labels by class (%)"));
  draw(pseudo_classes_chart(groups, &EpochMetrics::recall, "Recall of pseudo-labels by class (%)"));
  if (html.empty()) return "";
  const bool single = groups.size() == 1 && groups[0].runs.size() == 1;
  return section("training", "Training",
                 html + (single ? "" : "<p class=\"note\">The last round, mean over seeds.</p>\n"));
}

std::string scores_section(const Groups& groups, bool eigenvalues) {
  std::string html;
  for (const RunGroup& group : groups) {
    const RunRecord& run = *group.runs[0];
    if (run.scores.empty()) continue;
    const auto& [round, h] = *run.scores.rbegin();
    html += chart_figure(histogram_chart(fmt::format("{}, seed {}: scores after round {}", group.name, run.seed, round),
                                         "score", h.low, h.high, h.counts, h.chosen, "chosen"));
  }
  for (const RunGroup& group : groups) {
    const LineChart chart = eigenvalue_chart(group.runs);
    if (eigenvalues && is_crc(group.name) && !chart.series.empty())
      html += chart_figure(chart, group.name + ": one line per query, all runs together.");
  }
  return html.empty() ? "" : section("scores", "Acquisition scores", html);
}

}  // namespace crc::apps
