#include "crc/acquisition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/batch_mode.h"
#include "crc/custom.h"
#include "crc/ntk_full.h"
#include "crc/quotas.h"
#include "crc/score.h"
#include "crc/ties.h"

namespace crc::select {

#define CRC_ACQUISITION(name, check, traits, description, source)   \
  Selection select_##name(Context&, const Problem&, const Config&); \
  void check(const Config&, const Request&);
#include "crc/acquisitions.def"
#undef CRC_ACQUISITION

namespace {

using enum Trait;
constexpr unsigned operator|(Trait a, Trait b) { return unsigned(a) | unsigned(b); }
constexpr unsigned operator|(unsigned a, Trait b) { return a | unsigned(b); }
constexpr Acquisition kAcquisitions[] = {
#define CRC_ACQUISITION(name, check, traits, description, source) \
  {#name, description, source, unsigned(traits), check, select_##name},
#include "crc/acquisitions.def"
#undef CRC_ACQUISITION
};

// An ascending copy; every item has a row in every array that is given.
std::vector<int64_t> checked(const Problem& problem, std::span<const int64_t> list, const char* name) {
  std::vector<int64_t> items(list.begin(), list.end());
  std::sort(items.begin(), items.end());
  const auto twice = std::adjacent_find(items.begin(), items.end());
  if (twice != items.end())
    fail(ExitCode::config, fmt::format("item {} is twice in the {} list; list every item once", *twice, name));
  if (items.empty()) return items;
  if (items.front() < 0) fail(ExitCode::config, fmt::format("item {} of the {} list is negative", items.front(), name));
  const auto check_rows = [&](const auto& array, int64_t rows) {
    if (array.size() > 0 && items.back() >= rows)
      fail(ExitCode::config, fmt::format("item {} of the {} list is outside '{}', which has {} rows; item ids are row "
                                         "numbers from 0",
                                         items.back(), name, array.name, rows));
  };
  for (const Rows& rows : {problem.features, problem.logits})
    std::visit([&](const auto& array) { check_rows(array, array.shape[0]); }, rows);
  check_rows(problem.samples, problem.samples.shape[1]);
  return items;
}

// The classes of `labeled` in its ascending order.
std::vector<int32_t> checked_labels(const Problem& problem, const std::vector<int64_t>& ascending) {
  if (problem.labels.empty()) return {};
  if (problem.labels.size() != problem.labeled.size())
    fail(ExitCode::config,
         fmt::format("{} labels for {} labeled items", problem.labels.size(), problem.labeled.size()));
  std::vector<int32_t> labels(ascending.size());
  for (size_t k = 0; k < labels.size(); ++k) {
    const int32_t label = problem.labels[k];
    if (label < 0 || label >= problem.classes)
      fail(ExitCode::config,
           fmt::format("item {} has label {}; classes are 0 to {}", problem.labeled[k], label, problem.classes - 1));
    labels[size_t(std::ranges::lower_bound(ascending, problem.labeled[k]) - ascending.begin())] = label;
  }
  return labels;
}

// Samples and head fit the other arrays.
void check_model(const Problem& problem) {
  const auto shape = [](const Rows& rows) {
    return std::visit([](const auto& view) { return std::pair(view.shape[0], view.shape[1]); }, rows);
  };
  const auto [items, classes] = shape(problem.logits);
  const int64_t width = shape(problem.features).second;
  const View<const float, 3>& samples = problem.samples;
  if (samples.size() > 0 && classes > 0 && (samples.shape[1] != items || samples.shape[2] != classes))
    fail(ExitCode::config, fmt::format("'{}' is {} samples of [{},{}], the logits are [{},{}]", samples.name,
                                       samples.shape[0], samples.shape[1], samples.shape[2], items, classes));
  const View<const float, 2>& weight = problem.head.weight;
  const View<const float, 1>& bias = problem.head.bias;
  if (weight.size() == 0) return;
  if ((width > 0 && weight.shape[1] != width) || (classes > 0 && weight.shape[0] != classes) ||
      (bias.size() > 0 && bias.shape[0] != weight.shape[0]))
    fail(ExitCode::config,
         fmt::format("the head is [{},{}] with {} biases; {} features and {} classes need [{},{}] and {} or no biases",
                     weight.shape[0], weight.shape[1], bias.size(), width, classes, classes, width, classes));
}

void check_weights(const Problem& problem, std::span<const int64_t> items) {
  for (const int64_t item : items)
    if (problem.weights.empty()) {
      return;
    } else if (item >= int64_t(problem.weights.size())) {
      fail(ExitCode::config, fmt::format("item {} has no weight: {} are given", item, problem.weights.size()));
    } else if (!(problem.weights[item] >= 0 && std::isfinite(problem.weights[item]))) {
      fail(ExitCode::config,
           fmt::format("item {} has weight {}; weights are finite and not negative", item, problem.weights[item]));
    }
}

}  // namespace

std::vector<double> weights_of(const Problem& problem, std::span<const int64_t> items) {
  std::vector<double> weights(items.size(), 1.0);
  for (size_t k = 0; k < items.size() && !problem.weights.empty(); ++k) weights[k] = problem.weights[items[k]];
  return weights;
}

void check_items(const Config&, const Request&) {}

std::span<const Acquisition> acquisitions() { return kAcquisitions; }

bool scores_groups(const std::string& acquisition) { return find_acquisition(acquisition).has(Trait::groups); }

bool needs_features_alone(const Acquisition& acquisition) {
  constexpr unsigned kMore = logits | jacobians | groups | labels | samples | head | worth;
  return acquisition.has(features) && (acquisition.traits & kMore) == 0;
}

bool is_known(const std::string& name) {
  return std::ranges::any_of(kAcquisitions, [&](const Acquisition& a) { return a.name == name; }) || find_custom(name);
}

const Acquisition& find_acquisition(const std::string& name) {
  std::string known;
  for (const Acquisition& a : kAcquisitions) {
    if (a.name == name) return a;
    known += std::string(known.empty() ? "" : ", ") + a.name;
  }
  if (const Acquisition* custom = find_custom(name)) return *custom;
  for (const std::string& custom : custom_names()) known += ", " + custom;
  fail(ExitCode::config, fmt::format("acquisition \"{}\" is not known; use one of {}", name, known));
}

void check_request(const Config& config, const Request& request) {
  const Acquisition& acquisition = find_acquisition(config.name);
  const int64_t pool = request.unlabeled;
  if (pool < 1)
    fail(ExitCode::config, fmt::format("budget {}, but no unlabeled item is left to choose from", config.budget));
  if (config.budget < 1 || config.budget > pool)
    fail(ExitCode::config,
         fmt::format("budget {} with {} unlabeled items; choose a budget from 1 to {}", config.budget, pool, pool));
  if (config.round < 0 || config.round > int64_t(UINT32_MAX))
    fail(ExitCode::config, fmt::format("round {} is outside 0..{}", config.round, UINT32_MAX));
  if (config.partitions < 1 || config.partitions > pool)
    fail(ExitCode::config,
         fmt::format("{} parts of {} unlabeled items; choose 1 to {}", config.partitions, pool, pool));
  acquisition.check(config, request);
}

Selection select(Context& context, const Problem& problem, const Config& config) {
  const Acquisition& acquisition = find_acquisition(config.name);
  const std::vector<int64_t> labeled = checked(problem, problem.labeled, "labeled");
  const std::vector<int64_t> unlabeled = checked(problem, problem.unlabeled, "unlabeled");
  for (int64_t item : unlabeled)
    if (std::binary_search(labeled.begin(), labeled.end(), item))
      fail(ExitCode::config, fmt::format("item {} is both labeled and unlabeled; remove it from one list", item));
  if (problem.shards) check_takes(config, Trait::shards);
  check_request(config, {int64_t(labeled.size()), int64_t(unlabeled.size()), problem.jacobians, bool(problem.worth)});
  if (problem.classes < 1) fail(ExitCode::config, fmt::format("{} classes; at least 1 is needed", problem.classes));
  check_model(problem);
  check_weights(problem, labeled);
  check_weights(problem, unlabeled);
  const std::vector<int32_t> labels = checked_labels(problem, labeled);
  Problem ascending = problem;
  ascending.labeled = labeled;
  ascending.labels = labels;
  ascending.unlabeled = unlabeled;
  check_diversity(ascending, config);
  return acquisition.select(context, ascending, config);
}

std::span<const int32_t> needed_labels(const Problem& problem, const Config& config) {
  if (problem.labels.size() != problem.labeled.size())
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs the classes of the labelled items, and none were given", config.name));
  return problem.labels;
}

void check_scores(const Config& config, std::span<const double> scores, std::span<const int64_t> items, int64_t size) {
  for (size_t k = 0; k < scores.size(); ++k)
    if (!std::isfinite(scores[k])) {
      std::string which = size == 1 ? "item" : "the group of items";
      for (int64_t item : items.subspan(k * size, size)) which += " " + std::to_string(item);
      const bool own = find_custom(config.name) != nullptr;
      fail(ExitCode::numerical,
           fmt::format("acquisition \"{}\": the score of {} is {}{}", config.name, which, scores[k],
                       own ? "; its function must return finite numbers (numpy.nan_to_num?)"
                           : ", out of the range of fp64; divide all features by one number, so that they are below "
                             "1e150"));
    }
}

void warn_of_ties(Selection& selection, const Config& config) {
  std::vector<double> picked;
  for (const Group& group : selection.groups) picked.push_back(group.score);
  const std::string warning = Ties(config.seed, config.round).warning(selection.scores, picked);
  if (!warning.empty()) selection.warnings.push_back(warning);
}

Selection best_items(const Problem& problem, const Config& config, std::vector<double> scores) {
  const std::vector<double> weights = weights_of(problem, problem.unlabeled);
  for (size_t k = 0; k < scores.size(); ++k) scores[k] *= weights[k];
  check_scores(config, scores, problem.unlabeled, 1);
  std::vector<int64_t> order(problem.unlabeled.size());
  std::iota(order.begin(), order.end(), 0);
  const Ties ties(config.seed, config.round);
  Ties::sort(order, scores, [&](std::span<int64_t> equal) {
    std::ranges::sort(equal, std::greater<>(), [&](int64_t k) { return ties.draw(problem.unlabeled[k]); });
  });
  Quotas quotas(config);
  Selection selection;
  for (int64_t k : order) {
    if (int64_t(selection.picks.size()) == config.budget) break;
    if (quotas.full(problem.unlabeled[k])) continue;
    quotas.take(problem.unlabeled[k]);
    selection.picks.push_back(problem.unlabeled[k]);
    selection.groups.push_back({{problem.unlabeled[k]}, scores[k]});
  }
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  selection.scores = std::move(scores);
  selection.summary =
      fmt::format("{}: {} of {} items, scores {:.6g} down to {:.6g}", config.name, config.budget,
                  problem.unlabeled.size(), selection.groups.front().score, selection.groups.back().score);
  warn_of_ties(selection, config);
  return selection;
}

}  // namespace crc::select
