// Rows on the unit sphere: z[n] = y[n] / |y[n]|, and back dy[n] = (dz[n] - z[n] <z[n], dz[n]>) / |y[n]|. A row of zeros
// stays what it is, and its gradient is zero. All [N,E]. Sums are fp64, in a fixed order. Class: reduce.
#pragma once

#include <cmath>

#include "kernels/core/op.h"

namespace crc {

// |x|^2 or <x, y> of rows of E, known to all lanes.
template <class Lanes> CRC_HD double inner_product(const float* x, const float* y, int64_t columns, Lanes lanes) {
  double sum = 0;
  for (int64_t e = lanes.lane; e < columns; e += lanes.count) sum += double(x[e]) * double(y[e]);
  return lanes.sum(sum);
}

struct UnitRows {
  View<float, 2> z;
  View<const float, 2> y;

  void check() const { check_shape("unit_rows", z, {y.shape[0], y.shape[1]}); }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t columns = y.shape[1];
    const float* from = y.data + n * columns;
    const double length = sqrt(inner_product(from, from, columns, lanes));
    for (int64_t e = lanes.lane; e < columns; e += lanes.count)
      z[n * columns + e] = length > 0 ? float(from[e] / length) : 0.0f;
  }
};

struct UnitRowsBackward {
  View<float, 2> dy;
  View<const float, 2> dz, y;

  void check() const {
    for (const auto& v : {dz, y}) check_shape("unit_rows_backward", v, {dy.shape[0], dy.shape[1]});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t columns = y.shape[1];
    const float *at = y.data + n * columns, *by = dz.data + n * columns;
    const double square = inner_product(at, at, columns, lanes), along = inner_product(at, by, columns, lanes);
    for (int64_t e = lanes.lane; e < columns; e += lanes.count)
      dy[n * columns + e] = square > 0 ? float((by[e] - at[e] * (along / square)) / sqrt(square)) : 0.0f;
  }
};

CRC_OP(void, unit_rows, (View<float, 2> z, View<const float, 2> y))                                     // may alias
CRC_OP(void, unit_rows_backward, (View<float, 2> dy, View<const float, 2> dz, View<const float, 2> y))  // dy may be dz

}  // namespace crc
