// Rows of a pool against rows of it, wherever they lie: the sums of kernels/ops/pairwise_tile.h over a pool that several
// processes hold, the same bits as of one array. Numbers of all rows [M] are those of this process on its device, own();
// what a call returns is the same in every process. Rows that few ask for go to all; where all meet all, every row
// passes by every process once. All calls are collective.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "crc/pool_balls.h"
#include "crc/pool_blocks.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {

class PoolPairs {
 public:
  // A pool in chunks (BlocksOf::chunks), which must outlive this.
  PoolPairs(Context& context, const PoolBlocks& pool, Pairing pairing);

  // All pairs are measured now, once, where what is to be known of them is little memory: from here on gains cost next to
  // nothing, and this says so.
  bool measure_now();

  Tensor own(std::span<const double> all) const;     // of [M] those of this process
  std::vector<double> all(const Tensor& own) const;  // [M]

  // most[j] = max(most[j], max_s m(x_j, x_s)) over the places s; own().
  void add_most(const Tensor& most, std::span<const int64_t> places) const;
  // What each of some rows adds to the coverage of all: sum_j weights[j] max(0, m(x_i, x_j) - current[j]), own() both.
  std::vector<double> gains(std::span<const int64_t> places, const Tensor& current, const Tensor& weights) const;
  int64_t gains_at_once() const;  // so many places need little memory
  // The same of all rows [M], every pair once (in one process, half of them). The one pass that may take hours: it is
  // kept on its way (crc/checkpoint.h), 8 bytes a row.
  std::vector<double> square_gains(const Tensor& current, const Tensor& weights, const Config& config) const;
  // What all rows [M] add to the coverage of some, whose current and weights are in their order.
  std::vector<double> gains_over(std::span<const int64_t> places, std::span<const double> current,
                                 std::span<const double> weights) const;
  // sums[j] += m(x_j, x_s) of all rows [M], for one place s after the other, in one pass.
  std::vector<double> add_each(std::vector<double> sums, std::span<const int64_t> places) const;

 private:
  struct SquareSoFar;
  void meet(SquareSoFar& so_far, int64_t first, const PairedRows& columns, View<const double, 1> current,
            View<const double, 1> weights) const;
  void each(const std::function<void(int64_t, const PairedRows&)>& f) const;

  Context& context_;
  const PoolBlocks& pool_;
  Pairing pairing_;
  Tensor norms_;  // of one process
  std::optional<PoolBalls> balls_;
};

}  // namespace crc::select
