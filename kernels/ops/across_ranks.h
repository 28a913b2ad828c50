// What crosses between the processes of a step (kernels/core/ranks.h): the same ops whether the arrays are in host memory
// or on GPUs (kernels/cuda/nccl.h), where they are part of a graph. All processes call them, in the same order. `ranks`
// null or one process: what is one's own is all there is.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/ranks.h"
#include "kernels/ops/ema.h"

namespace crc {

// Column i of parts [ranks, n]: its first row becomes the mean of all, in the binary tree of Ranks::mean.
struct TreeMean {
  float* parts;
  int64_t n, ranks;

  CRC_HD void operator()(int64_t i) const {
    for (int64_t step = 1; step < ranks; step *= 2)
      for (int64_t r = 0; r < ranks; r += 2 * step) EmaUpdate::move(parts[r * n + i], parts[(r + step) * n + i], 0.5f);
  }
};

// all [P * N] = own [N] of each of P processes, by rank.
CRC_OP(void, gather_ranks, (View<float, 1> all, View<const float, 1> own, Ranks* ranks))
CRC_OP(void, gather_ranks, (View<double, 1> all, View<const double, 1> own, Ranks* ranks))
// values [N] = their mean over the processes, a power of two, as Ranks::mean. Class: point.
CRC_OP(void, mean_ranks, (View<float, 1> values, Ranks* ranks))

// What both backends check. P
template <class T> int64_t check_gather(View<T, 1> all, View<const T, 1> own, const Ranks* ranks) {
  const int64_t processes = ranks ? ranks->size() : 1;
  check_shape("gather_ranks", all, {processes * own.size()});
  return processes;
}

}  // namespace crc
