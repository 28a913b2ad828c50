#include "data/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "kernels/core/error.h"
#include "kernels/core/random.h"

namespace crc::data {

Pool::Pool(int64_t items, int64_t classes) : is_labeled_(items), per_class_(classes) {}

void Pool::label(int64_t item, int32_t label, int32_t round) {
  const LabeledItem one{item, label, round};
  this->label({&one, 1});
}

void Pool::label(std::span<const LabeledItem> items) {
  std::unordered_set<int64_t> seen;
  for (const auto& [item, label, round] : items) {
    if (item < 0 || item >= this->items())
      fail(ExitCode::config,
           fmt::format("item {} cannot be labelled: the pool has items 0..{}", item, this->items() - 1));
    if (is_labeled_[item] || !seen.insert(item).second)
      fail(ExitCode::config, fmt::format("item {} cannot be labelled in round {}: it has a label already; a label is "
                                         "asked for and counted once",
                                         item, round));
    if (label < 0 || label >= classes())
      fail(ExitCode::config,
           fmt::format("item {} cannot have label {}: classes are 0..{}", item, label, classes() - 1));
  }
  for (const LabeledItem& labeled : items) {
    is_labeled_[labeled.item] = true;
    labels_.push_back(labeled);
    per_class_[labeled.label].push_back(labeled.item);
  }
}

std::vector<int64_t> Pool::labeled() const {
  std::vector<int64_t> items;
  for (const LabeledItem& labeled : labels_) items.push_back(labeled.item);
  return items;
}

std::vector<int64_t> Pool::unlabeled() const {
  std::vector<int64_t> unlabeled;
  for (int64_t item = 0; item < items(); ++item)
    if (!is_labeled_[item]) unlabeled.push_back(item);
  return unlabeled;
}

void Pool::skip(int64_t item) { skipped_.insert(item); }

std::vector<int64_t> Pool::askable() const {
  std::vector<int64_t> items = unlabeled();
  std::erase_if(items, [&](int64_t item) { return skipped_.contains(item); });
  return items;
}

std::vector<int64_t> without(std::vector<int64_t> items, std::span<const int64_t> gone) {
  const std::unordered_set<int64_t> these(gone.begin(), gone.end());
  std::erase_if(items, [&](int64_t item) { return these.contains(item); });
  return items;
}

std::vector<std::vector<int64_t>> items_by_class(std::span<const int32_t> labels, int64_t classes) {
  std::vector<std::vector<int64_t>> items(classes);
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= 0) items.at(labels[i]).push_back(int64_t(i));
  return items;
}

std::vector<int64_t> count_by_class(std::span<const int32_t> labels, int64_t classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes), 0);
  for (int32_t label : labels)
    if (label >= 0) ++counts.at(size_t(label));
  return counts;
}

void check_initial(std::span<const int64_t> per_class, int64_t count) {
  const int64_t classes = int64_t(per_class.size());
  if (count < 0 || classes < 1 || count % classes != 0)
    fail(ExitCode::config, fmt::format("{} initial labels cannot be balanced over {} classes: choose a multiple of {}",
                                       count, classes, classes));
  for (int64_t c = 0; c < classes; ++c)
    if (per_class[c] < count / classes)
      fail(ExitCode::config,
           fmt::format("{} initial labels need {} of each class, but class {} has {} items with a label", count,
                       count / classes, c, per_class[c]));
}

std::vector<int64_t> draw_initial(std::span<const int32_t> labels, int64_t classes, int64_t count, uint32_t seed) {
  check_initial(count_by_class(labels, classes), count);
  const auto items = items_by_class(labels, classes);
  const int64_t each = count / classes;
  std::vector<int64_t> drawn;
  for (int64_t k = 0; k < each; ++k)
    for (int64_t c = 0; c < classes; ++c)
      drawn.push_back(
          items[c][permute(seed, Purpose::initial_pool, uint32_t(c), uint32_t(items[c].size()), uint32_t(k))]);
  return drawn;
}

double long_tail_share(size_t c, size_t classes, double ratio) {
  if (!(ratio > 0 && ratio <= 1))
    fail(ExitCode::config,
         fmt::format("an imbalance of {}: it is the last class's share of the first's, above 0 and at "
                     "most 1",
                     ratio));
  return classes < 2 ? 1 : std::pow(ratio, double(c) / double(classes - 1));
}

std::vector<int64_t> long_tail_counts(std::span<const int64_t> per_class, int64_t count, double ratio) {
  const size_t classes = per_class.size();
  if (count < int64_t(classes))
    fail(ExitCode::config,
         fmt::format("{} initial labels: a long tail of {} classes needs one of each", count, classes));
  double total = 0;
  for (size_t c = 0; c < classes; ++c) total += long_tail_share(c, classes, ratio);
  std::vector<int64_t> given;
  std::vector<double> lack;  // what rounding down took
  int64_t left = count;
  for (size_t c = 0; c < classes; ++c) {
    const double share = double(count) * long_tail_share(c, classes, ratio) / total;
    given.push_back(std::max<int64_t>(1, int64_t(share)));
    lack.push_back(share - double(given.back()));
    left -= given.back();
  }
  for (const int64_t step = left > 0 ? 1 : -1; left != 0; left -= step) {  // the largest remainders, the first on ties
    size_t best = classes;
    for (size_t c = 0; c < classes; ++c)
      if (given[c] + step >= 1 && (best == classes || double(step) * (lack[c] - lack[best]) > 0)) best = c;
    given[best] += step;
    lack[best] -= double(step);
  }
  for (size_t c = 0; c < classes; ++c)
    if (given[c] > per_class[c])
      fail(ExitCode::config, fmt::format("{} initial labels with an imbalance of {} need {} of class {}, which has {}",
                                         count, ratio, given[c], c, per_class[c]));
  return given;
}

std::vector<int64_t> draw_long_tailed(std::span<const int32_t> labels, int64_t classes, int64_t count, double ratio,
                                      uint32_t seed) {
  const auto items = items_by_class(labels, classes);
  const auto given = long_tail_counts(count_by_class(labels, classes), count, ratio);
  std::vector<int64_t> drawn;
  for (size_t c = 0; c < items.size(); ++c)
    for (int64_t k = 0; k < given[c]; ++k)
      drawn.push_back(
          items[c][permute(seed, Purpose::initial_pool, uint32_t(c), uint32_t(items[c].size()), uint32_t(k))]);
  return drawn;
}

std::vector<int64_t> stratified_folds(std::span<const LabeledItem> labels, int64_t classes, int64_t folds,
                                      uint32_t seed) {
  std::vector<std::vector<size_t>> of_class(static_cast<size_t>(classes));
  for (size_t k = 0; k < labels.size(); ++k) of_class.at(size_t(labels[k].label)).push_back(k);
  std::vector<int64_t> fold(labels.size());
  int64_t next = 0;
  for (size_t c = 0; c < of_class.size(); ++c)
    for (size_t i = 0; i < of_class[c].size(); ++i, ++next)
      fold[of_class[c][permute(seed, Purpose::dataset, uint32_t(c) + 1, uint32_t(of_class[c].size()), uint32_t(i))]] =
          next % folds;
  return fold;
}

}  // namespace crc::data
