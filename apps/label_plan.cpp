#include "apps/label_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/pool.h"

namespace crc::apps {
namespace {

using Int = int64_t;
using Text = std::string;

Int sum(const std::vector<Int>& values) { return std::accumulate(values.begin(), values.end(), Int(0)); }

// "200 (zero: 20, one: 18, ...)"; of many classes the fewest and the most.
Text per_class(const std::vector<Int>& counts, const std::vector<Text>& names) {
  constexpr size_t kListed = 20;
  const auto [fewest, most] = std::ranges::minmax(counts);
  if (counts.size() > kListed) return fmt::format("{} ({} to {} of each class)", sum(counts), fewest, most);
  Text list;
  for (size_t c = 0; c < counts.size(); ++c) list += fmt::format("{}{}: {}", c == 0 ? "" : ", ", names[c], counts[c]);
  return fmt::format("{} ({})", sum(counts), list);
}

}  // namespace

Int LabelPlan::images() const { return unknown + sum(known); }

Text first_labels_by(const Config& config) {
  return config.get<Text>("start.run").empty() ? config.get<Text>("acquisition.first") : "start";
}

LabelPlan plan_labels(const Config& config, const data::Dataset& dataset, const std::optional<RunStart>& start) {
  const Int initial = config.get<Int>("acquisition.initial"), classes = dataset.classes();
  const Text first = first_labels_by(config);
  LabelPlan plan;
  plan.known = data::count_by_class(dataset.train.labels, classes);
  plan.unknown = dataset.train.count - sum(plan.known);
  plan.validation = sum(data::count_by_class(dataset.validation.labels, classes));
  plan.first = initial;
  plan.first_per_class.assign(size_t(classes), 0);
  plan.queries = config.get<Int>("acquisition.rounds");
  plan.budget = config.get<Int>("acquisition.budget");
  if (start) {
    plan.first = Int(start->labels.size());
    for (const Answer& answer : start->labels) ++plan.first_per_class.at(size_t(answer.klass));
  } else if (first == "given") {
    plan.first_per_class = plan.known;
    plan.first = sum(plan.known);
  } else if (first == "leading") {
    const size_t leading = size_t(std::min(initial, dataset.train.count));
    plan.first_per_class = data::count_by_class(std::span(dataset.train.labels).first(leading), classes);
  } else if (first == "random" || config.get<Text>("acquisition.protocol") == "pseudo_al") {
    plan.first_per_class.assign(size_t(classes), initial / classes);
  }
  return plan;
}

Text describe(const LabelPlan& plan, const Config& config, const data::Dataset& dataset) {
  const Text first = first_labels_by(config), acquisition = config.get<Text>("acquisition.name");
  const Text how = first == "random"    ? fmt::format("random, {} of each class", plan.first / dataset.classes())
                   : first == "given"   ? "given by the data set"
                   : first == "leading" ? "its leading images"
                   : first == "model"   ? "by " + acquisition + " on a random network"
                                        : "those of " + config.get<Text>("start.run");
  Text lines = fmt::format(
      "labels   {} at first ({}), then {} queries of {} by {}: {} in the end\n"
      "         of {} training images, {} unlabelled at first; the data set has labels of {}\n",
      plan.first, how, plan.queries, plan.budget, acquisition, plan.in_the_end(), plan.images(),
      plan.images() - plan.first, per_class(plan.known, dataset.class_names));
  if (plan.unknown > 0)
    lines += fmt::format("         {} have none: where a query picks such an image, the run waits for people\n",
                         plan.unknown);
  if (plan.validation > 0)
    lines += fmt::format("         {} labels more, of the held-out images, choose the best epoch of every round\n",
                         plan.validation);
  return lines;
}

}  // namespace crc::apps
