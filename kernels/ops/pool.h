// Global average pooling: y[n,c] = mean_{h,w} x[n,h,w,c];  backward dx[n,h,w,c] = dy[n,c] / (H*W).
// x, dx [N,H,W,C] fp32 or bf16; y, dy [N,C] always fp32 (features are fp32-grade). Class: reduce.
#pragma once

#include <cstring>

#include "kernels/core/op.h"

namespace crc {

// Groups of 16 aligned bytes, copied whole: single accesses.
template <class T> inline constexpr int kPoolWidth = 16 / int(sizeof(T));
template <class T> bool pools_in_groups(const View<T, 4>& v) {
  return v.shape[3] % kPoolWidth<T> == 0 && reinterpret_cast<uintptr_t>(v.data) % 16 == 0;
}
template <int kWidth, class T> CRC_HD T* pool_group(T* data) {
  return static_cast<T*>(__builtin_assume_aligned(data, kWidth * sizeof(T)));
}

// kWidth neighbouring channels of one image; i counts such groups. Rows are summed first, then their sums: fp32 stays
// exact to a few ulp.
template <class T, int kWidth> struct GlobalAvgPool {
  View<float, 2> y;
  View<const T, 4> x;

  CRC_HD void operator()(int64_t i) const {
    const int64_t groups = x.shape[3] / kWidth, n = i / groups, c = i % groups * kWidth;
    float total[kWidth] = {};
    for (int64_t h = 0; h < x.shape[1]; ++h) {
      float row[kWidth] = {};
      for (int64_t w = 0; w < x.shape[2]; ++w) {
        T group[kWidth];
        memcpy(group, pool_group<kWidth>(&x(n, h, w, c)), sizeof group);
        for (int k = 0; k < kWidth; ++k) row[k] += float(group[k]);
      }
      for (int k = 0; k < kWidth; ++k) total[k] += row[k];
    }
    for (int k = 0; k < kWidth; ++k) y(n, c + k) = total[k] / float(x.shape[1] * x.shape[2]);
  }
};

// kWidth neighbouring channels of one pixel; i counts such groups.
template <class T, int kWidth> struct GlobalAvgPoolBackward {
  View<T, 4> dx;
  View<const float, 2> dy;

  CRC_HD void operator()(int64_t i) const {
    const int64_t groups = dx.shape[3] / kWidth, pixels = dx.shape[1] * dx.shape[2];
    const int64_t n = i / (groups * pixels), c = i % groups * kWidth;
    T group[kWidth];
    for (int k = 0; k < kWidth; ++k) group[k] = T(dy(n, c + k) / float(pixels));
    memcpy(pool_group<kWidth>(dx.data + i * kWidth), group, sizeof group);
  }
};

CRC_OP(void, global_avg_pool, (View<float, 2> y, View<const float, 4> x))
CRC_OP(void, global_avg_pool_backward, (View<float, 4> dx, View<const float, 2> dy))
CRC_OP(void, global_avg_pool, (View<float, 2> y, View<const bf16, 4> x))
CRC_OP(void, global_avg_pool_backward, (View<bf16, 4> dx, View<const float, 2> dy))

}  // namespace crc
