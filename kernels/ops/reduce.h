// Reductions in a fixed order: the same bits every time, for any number of threads.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

// out[0] = sum of x; fp64 partial sums. Class: reduce.
CRC_OP(void, sum, (View<float, 1> out, View<const float, 1> x))
// out[c] += sum over rows of x[n,c]; x [N,C], out [C]. Class: reduce.
CRC_OP(void, column_sum, (View<float, 1> out, View<const float, 2> x))
CRC_OP_BF16(void, column_sum, (View<float, 1> out, View<const bf16, 2> x))
// out[0] = number of elements of x that are NaN or infinite. Class: exact.
CRC_OP(void, count_nonfinite, (View<int32_t, 1> out, View<const float, 1> x))
// ring[state.step % K, column] = mean of x: how a step leaves its losses behind without stopping. ring [K,M].
CRC_OP(void, record_mean, (View<float, 2> ring, View<const float, 1> x, View<const StepState, 1> state, int64_t column))
// out[n] = index of the largest x[n,:], the lowest on ties. Class: exact.
CRC_OP(void, argmax_rows, (View<int32_t, 1> out, View<const float, 2> x))

}  // namespace crc
