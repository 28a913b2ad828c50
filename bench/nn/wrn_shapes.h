// The convolutions of WRN-28-2 on 32x32 images (Zagoruyko & Komodakis 2016), each shape once with how often it occurs.
#pragma once

#include "kernels/core/conv_problem.h"

namespace crc::bench {

struct WrnConv {
  int64_t size, in, out, kernel, stride;  // input size x size x in
  int count;

  ConvProblem problem(int64_t n, Dtype dtype) const {
    return {.n = n,
            .h = size,
            .w = size,
            .c = in,
            .k = out,
            .r = kernel,
            .stride = stride,
            .pad = kernel / 2,
            .dtype = dtype};
  }
};

inline constexpr WrnConv kWrnConvs[] = {
    {32, 3, 16, 3, 1, 1},                                                    // stem
    {32, 16, 32, 3, 1, 1},  {32, 32, 32, 3, 1, 7},  {32, 16, 32, 1, 1, 1},   // stage 1; the last is the shortcut
    {32, 32, 64, 3, 2, 1},  {16, 64, 64, 3, 1, 7},  {32, 32, 64, 1, 2, 1},   // stage 2
    {16, 64, 128, 3, 2, 1}, {8, 128, 128, 3, 1, 7}, {16, 64, 128, 1, 2, 1},  // stage 3
};
inline constexpr int64_t kWrnFeatures = 128, kWrnClasses = 10;
inline constexpr int64_t kWrnParameters = 1'467'610;

// Convolutions and the linear layer, for one image. Training has two further passes, without the images' gradient.
inline double wrn_forward_flops(int64_t depth = 28) {
  double total = 2.0 * kWrnFeatures * kWrnClasses;
  const int64_t repeated = 2 * ((depth - 4) / 6) - 1;  // 7 in WRN-28-2
  for (const WrnConv& conv : kWrnConvs)
    total += double(conv.count == 1 ? 1 : repeated) * conv.problem(1, Dtype::f32).flops();
  return total;
}
inline double wrn_train_flops(int64_t depth = 28) {
  return 3 * wrn_forward_flops(depth) - kWrnConvs[0].problem(1, Dtype::f32).flops();
}

}  // namespace crc::bench
