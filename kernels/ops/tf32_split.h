// fp32 numbers as sums of two that have tf32's 10 bits, for products on tensor cores with fp32's accuracy (tf32x3.h):
//   x = high + low + e,  high = tf32(x),  low = tf32(x - high),  |e| <= 2^-23 |x|
// rounded to nearest, ties to even; engines that round or cut their inputs to tf32 then change nothing. What would
// round to infinity is cut; what is not finite has no low part.
// x [N,L]  parts [N,3,L]: rows high, high, low of a left factor; high, low, high of a right one. So one sum over 3L
// terms is high*high + high*low + low*high (Markidis et al. 2018, Ootomo and Yokota 2022); low*low, 2^-22 of it, is
// left out. Class: exact. No aliasing.
#pragma once

#include <cstring>

#include "kernels/core/op.h"

namespace crc {

enum class Factor : uint8_t { left, right };

CRC_HD float round_to_tf32(float value) {
  constexpr uint32_t kCut = 0x1fff, kInfinity = 0x7f800000;  // the 13 bits that tf32 lacks
  uint32_t u;
  memcpy(&u, &value, 4);
  uint32_t rounded = (u + 0xfffu + (u >> 13 & 1u)) & ~kCut;
  if ((rounded & kInfinity) == kInfinity) rounded = (u & kInfinity) == kInfinity ? u : u & ~kCut;
  memcpy(&value, &rounded, 4);
  return value;
}

struct Tf32Parts {
  float high, low;
};
CRC_HD Tf32Parts tf32_parts(float x) {
  const float high = round_to_tf32(x), rest = x - high;      // exact
  return {high, rest == rest ? round_to_tf32(rest) : 0.0f};  // infinity minus infinity is none
}

struct Tf32Split {
  float* parts;
  const float* x;
  int64_t length;
  bool left;
  CRC_HD void operator()(int64_t i) const {
    const Tf32Parts p = tf32_parts(x[i]);
    const int64_t row = i / length;
    float* to = parts + 2 * row * length + i;  // row * 3 * length + column
    to[0] = p.high;
    to[length] = left ? p.high : p.low;
    to[2 * length] = left ? p.low : p.high;
  }
};

CRC_OP(void, tf32_split, (View<float, 3> parts, View<const float, 2> x, Factor factor))

inline Tf32Split tf32_split_step(View<float, 3> parts, View<const float, 2> x, Factor factor) {
  check_shape("tf32_split", parts, {x.shape[0], 3, x.shape[1]});
  return {parts.data, x.data, x.shape[1], factor == Factor::left};
}

}  // namespace crc
