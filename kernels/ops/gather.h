// Row gather: out[i,:] = in[rows[i],:]. in [N,D], rows [M], out [M,D], not aliased. A row outside [0, N) is an internal
// error on the CPU and a device assertion on CUDA. Class: exact.
#pragma once

#include <cassert>

#include "kernels/core/op.h"

namespace crc {

template <class T> struct GatherRows {
  View<T, 2> out;
  View<const T, 2> in;
  View<const int64_t, 1> rows;

  void check() const { check_shape("gather_rows", out, {rows.size(), in.shape[1]}); }
  template <class Lanes> CRC_HD void operator()(int64_t i, Lanes lanes) const {
    const int64_t row = rows[i], width = in.shape[1];
    assert(row >= 0 && row < in.shape[0]);
    for (int64_t d = lanes.lane; d < width; d += lanes.count) out[i * width + d] = in[row * width + d];
  }
};

template <class T> View<T, 2> column(View<T, 1> v) { return {v.data, {v.shape[0], 1}, v.device, v.name}; }

CRC_OP(void, gather_rows, (View<float, 2> out, View<const float, 2> in, View<const int64_t, 1> rows))
CRC_OP(void, gather_rows, (View<double, 2> out, View<const double, 2> in, View<const int64_t, 1> rows))
CRC_OP(void, gather_rows, (View<int32_t, 1> out, View<const int32_t, 1> in, View<const int64_t, 1> rows))

}  // namespace crc
