// One row after another on the CPU: f(row, OneLane) for row functors that CUDA runs with one warp per row
// (kernels/cuda/rows.cuh). A functor visits the columns lane, lane + count, ... and meets the others in sum and max.
#pragma once

#include "kernels/cpu/for_each.h"

namespace crc {

struct OneLane {
  static constexpr int lane = 0, count = 1;
  float sum(float value) const { return value; }
  double sum(double value) const { return value; }
  float max(float value) const { return value; }
  int64_t min(int64_t value) const { return value; }
};

template <class F> void for_each_row(Cpu& cpu, int64_t rows, const F& f) {
  constexpr int64_t kGrain = 32;  // a few thousand exponentials at 10 to 100 classes
  for_chunks(cpu, rows, kGrain, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) f(row, OneLane{});
  });
}

}  // namespace crc
