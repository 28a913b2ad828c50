// Which rows of a pool lie within a radius of each other, known once and for all, a bit a pair: what each adds to a
// coverage are then sums over bits, the same as pairwise_gain's (kernels/ops/pairwise_tile.h) with Measure::top_hat, bit
// for bit. For pools whose bits are little memory; of larger ones pairs are measured when they are asked for.
#pragma once

#include <span>
#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/ops/pairwise_within.h"

namespace crc::select {

class PoolBalls {
 public:
  static bool fit(int64_t rows);
  PoolBalls(Context& context, const PairedRows& rows, double radius);

  // What `places` add: of each sum_j weights[j] max(0, 1 - current[j]) over the rows j in its ball.
  std::vector<double> gains(std::span<const int64_t> places, std::span<const double> current,
                            std::span<const double> weights) const;
  void cover(std::span<double> current, std::span<const int64_t> places) const;  // 1 in their balls

 private:
  std::span<const int64_t> ball(int64_t place) const;

  int64_t rows_;
  Tensor bits_;
  std::vector<int64_t> copy_;  // from a GPU
};

}  // namespace crc::select
