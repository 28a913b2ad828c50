// Which items of a run are labelled, in which order, and which are still in the pool.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace crc::data {

struct LabeledItem {
  int64_t item;
  int32_t label;
  int32_t round;
};

class Pool {
 public:
  Pool(int64_t items, int64_t classes);

  // Error: config, for an item outside 0..items-1, one that has a label already, or a label outside 0..classes-1; then
  // nothing changes.
  void label(int64_t item, int32_t label, int32_t round);
  void label(std::span<const LabeledItem> items);

  void skip(int64_t item);  // is not labelled, and not to be asked for

  int64_t items() const { return int64_t(is_labeled_.size()); }
  int64_t classes() const { return int64_t(per_class_.size()); }
  bool is_labeled(int64_t item) const { return is_labeled_.at(item); }
  std::span<const LabeledItem> labels() const { return labels_; }  // in the order of labelling
  std::vector<int64_t> labeled() const;                            // in the order of labelling
  std::vector<int64_t> unlabeled() const;                          // ascending
  std::vector<int64_t> askable() const;                            // the unlabelled ones that nobody skipped
  std::span<const int64_t> labeled_of_class(int32_t label) const { return per_class_.at(label); }

 private:
  std::vector<bool> is_labeled_;
  std::set<int64_t> skipped_;
  std::vector<LabeledItem> labels_;
  std::vector<std::vector<int64_t>> per_class_;
};

// `items` in their order, but for those of `gone`.
std::vector<int64_t> without(std::vector<int64_t> items, std::span<const int64_t> gone);

// The items of each class, ascending; labels of -1 (unknown) are left out.
std::vector<std::vector<int64_t>> items_by_class(std::span<const int32_t> labels, int64_t classes);

std::vector<int64_t> count_by_class(std::span<const int32_t> labels, int64_t classes);  // [C]; -1 is left out

// Error config: `count` items cannot be drawn equally from each class, because classes does not divide it or one of
// `per_class` [C] items has too few.
void check_initial(std::span<const int64_t> per_class, int64_t count);

// A balanced first labelled set: count / classes items of each class, drawn by `seed`, classes taking turns. A larger
// count begins with the smaller one. Errors of check_initial.
std::vector<int64_t> draw_initial(std::span<const int32_t> labels, int64_t classes, int64_t count, uint32_t seed);
// ratio^(c / (classes - 1)): class c of a long tail, relative to class 0. Error config: ratio outside (0, 1].
double long_tail_share(size_t c, size_t classes, double ratio);
// Of each class its share of `count`, rounded, at least one. Error config: a class has fewer, or there are fewer labels
// than classes.
std::vector<int64_t> long_tail_counts(std::span<const int64_t> per_class, int64_t count, double ratio);
// draw_initial with those counts.
std::vector<int64_t> draw_long_tailed(std::span<const int32_t> labels, int64_t classes, int64_t count, double ratio,
                                      uint32_t seed);

// Parts for cross-validation: of each label which of `folds` parts it is in, 0..folds-1. Every class is dealt out to all
// of them in an order drawn by `seed`, so the sizes of two parts differ by one at most, and so do a class's in them.
std::vector<int64_t> stratified_folds(std::span<const LabeledItem> labels, int64_t classes, int64_t folds,
                                      uint32_t seed);

}  // namespace crc::data
