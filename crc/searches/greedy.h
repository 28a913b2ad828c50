// Searches that build their batch item by item.
#pragma once

#include <span>

#include "crc/batch_mode.h"
#include "kernels/core/tensor.h"

namespace crc::select {

class BatchBuilder {
 public:
  explicit BatchBuilder(const SearchInput& in);

  // Scores of every unlabelled item over L and `batch`.
  std::vector<double> scores(std::span<const int64_t> batch) const;

  // The best item to add to `batch`: highest score, then as drawn; copies of what is there come last, and of equal
  // items the smallest id first.
  struct Best {
    int64_t place = -1, ties = 0;  // in problem.unlabeled; items of its score
  };
  Best best(std::span<const double> scores, std::span<const int64_t> batch) const;

  Selection build() const;  // greedily

 private:
  const SearchInput& in_;
  Ties ties_;
  Tensor singles_;  // [|U|,1]
};

}  // namespace crc::select
