// Reductions in a fixed order: the same bits every time, for any number of threads.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

// The term of the reductions over all elements, summed in doubles.
struct SumTerm {
  CRC_HD double operator()(float x) const { return x; }
};

// What becomes of the total.
struct StoreTotal {
  View<float, 1> out;
  CRC_HD void operator()(double total) const { out[0] = float(total); }
};
struct AddColumn {
  View<float, 1> out;
  CRC_HD void operator()(int64_t c, double total) const { out[c] += float(total); }
};
struct RecordMean {
  View<float, 2> ring;
  View<const StepState, 1> state;
  int64_t column, count;
  CRC_HD void operator()(double total) const {
    ring(state[0].step % ring.shape[0], column) = float(total / double(count));
  }
};

inline void check_record_mean(const View<float, 2>& ring, const View<const float, 1>& x, int64_t column) {
  if (x.size() == 0) fail_internal(std::string("record_mean: '") + x.name + "' is empty: it has no mean");
  if (ring.shape[0] > 0 && column >= 0 && column < ring.shape[1]) return;
  fail_internal(std::string("record_mean: no column ") + std::to_string(column) + " in '" + ring.name + "' " +
                shape_string(ring));
}

// out[0] = sum of x; fp64 partial sums. Class: reduce.
CRC_OP(void, sum, (View<float, 1> out, View<const float, 1> x))
// out[c] += sum over rows of x[n,c]; x [N,C], out [C]. Class: reduce.
CRC_OP(void, column_sum, (View<float, 1> out, View<const float, 2> x))
CRC_OP(void, column_sum, (View<float, 1> out, View<const bf16, 2> x))
// ring[state.step % K, column] = mean of x: how a step leaves its losses behind without stopping. ring [K,M];
// x is not empty. Class: reduce.
CRC_OP(void, record_mean, (View<float, 2> ring, View<const float, 1> x, View<const StepState, 1> state, int64_t column))

}  // namespace crc
