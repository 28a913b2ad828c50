// The pool of a query as one array of rows on the device: labelled and unlabelled items, ascending by id. What an
// embedding-only acquisition compares. Rows of equal features are equal.
#pragma once

#include <cmath>
#include <span>
#include <unordered_set>
#include <vector>

#include "crc/acquisition.h"
#include "crc/search.h"
#include "kernels/core/tensor.h"

namespace crc::select {

Problem without_labels(Problem problem);  // the same pool, of its unlabelled items alone

enum class Scaling : uint8_t {
  none,
  unit  // rows divided by their Euclidean norm, in fp64; a row of zeros stays
};

void scale_row(Scaling scaling, std::span<const float> row, float* scaled);

// Rows in host memory, and a view of them on the device: of the same memory on the CPU.
class SharedRows {
 public:
  SharedRows() = default;
  SharedRows(Context& context, std::vector<float> values, int64_t count, int64_t width, const char* name);
  SharedRows(SharedRows&&) = default;  // a moved vector keeps its elements where they are
  SharedRows& operator=(SharedRows&&) = default;
  View<const float, 2> view() const { return view_; }
  std::span<const float> host(int64_t row) const { return {&values_[row * view_.shape[1]], size_t(view_.shape[1])}; }

 private:
  std::vector<float> values_;
  Tensor device_;  // on CUDA
  View<const float, 2> view_;
};

// Which items there are, and which of them repeat others.
struct PoolIndex {
  PoolIndex(const Problem& problem, Copies found);  // lists ascending

  int64_t count() const { return int64_t(items.size()); }  // M
  std::vector<int64_t> items;                              // [M] ids
  std::vector<int64_t> items_at(std::span<const int64_t> places) const;
  std::vector<int64_t> labeled, unlabeled;  // their places in items
  Copies copies;                            // by ids
};

class PoolRows : public PoolIndex {
 public:
  // Errors: those of read_features.
  PoolRows(Context& context, const Problem& problem, const Config& config, Scaling scaling);

  View<const float, 2> rows() const { return view_; }                      // [M,D]
  Tensor gather(Context& context, std::span<const int64_t> places) const;  // [places,D]
  std::span<const float> host(int64_t place) const { return host_.subspan(place * width_, width_); }
  double square(double value) const { return std::ldexp(value, 2 * exponent_); }  // of features, from unscaled rows
  int exponent() const { return exponent_; }
  Scaling scaling() const { return scaling_; }
  int64_t owned_bytes() const { return int64_t(values_.capacity() * sizeof(float)); }

 private:
  PoolRows(Context& context, const Problem& problem, Fp32Features features, Scaling scaling);
  void to_device(Context& context, const Rows& features);

  Scaling scaling_;
  int64_t width_;
  int exponent_;
  std::vector<float> values_;    // empty where the features are the rows
  std::span<const float> host_;  // [M,D]
  Tensor device_;                // on CUDA where the features are not the rows; on the CPU the view is of host_
  View<const float, 2> view_;
};

// Items of which a copy is labelled or picked: they come last, and are drawn where nothing else is left.
class Known {
 public:
  Known(const PoolIndex& pool, std::span<const int64_t> labeled) : copies_(pool.copies) {
    for (int64_t item : labeled) add(item);
  }
  void add(int64_t item) { originals_.insert(copies_.original(item)); }
  bool contains(int64_t item) const { return originals_.contains(copies_.original(item)); }

 private:
  const Copies& copies_;
  std::unordered_set<int64_t> originals_;
};

// The place in `items` of the largest value among `places` that are not `taken`, unknown ones first; ties by draw. -1
// if there is none.
int64_t best_place(const PoolIndex& pool, std::span<const int64_t> places, std::span<const double> values,
                   const std::vector<bool>& taken, const Known& known, const Ties& ties);

// A selection of items one by one, as an acquisition picks them: `scores` of all unlabelled ones, at first.
class Picks {
 public:
  Picks(const Problem& problem, const Config& config, std::vector<double> scores);
  bool complete() const { return int64_t(selection_.picks.size()) == config_.budget; }
  // drawn: nothing but chance spoke for it.
  void add(int64_t item, double score, bool drawn);
  void are_gains() { selection_.gains = true; }
  Selection finish(std::string summary);

 private:
  const Config& config_;
  int64_t pool_, drawn_ = 0;
  Selection selection_;
};

}  // namespace crc::select
