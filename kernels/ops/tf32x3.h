// fp32 products on tensor cores at fp32's accuracy: each factor is split into two tf32 numbers (tf32_split.h), laid
// side by side along the sum, and one tf32 product three times as long adds high*high + high*low + low*high in fp32.
//   conv2d_tf32x3: y of conv2d (conv2d.h) without a bias.  x [N,H,W,C]  w [K,R,R,C]  y [N,P,Q,K]
//   gemm_tf32x3, gemm_batched_tf32x3: c of gemm and gemm_batched (gemm.h).
// A factor's error is at most 2^-23 of it, where that of tf32 alone is 2^-11. The CPU splits as well and multiplies in
// fp32, in which products of two tf32 numbers are exact: what tensor cores are to do. How they add is theirs (some cut
// each sum where fp32 rounds), so nothing but the gate decides whether a GPU's result is fp32's (kernels/core/gate.h).
// For what is scored (features, Jacobians), by Conv2dConfig::tf32x3 and GemmConfig::tf32x3 on GPUs from sm_80 on.
// Class: library. Scratch: the parts of w or b, and of as many images or rows as kTf32x3Bytes holds. No aliasing.
// Errors: internal for shapes that do not fit.
#pragma once

#include <algorithm>

#include "kernels/core/arena.h"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/tf32_split.h"

namespace crc {

CRC_OP(void, conv2d_tf32x3, (View<float, 4> y, View<const float, 4> x, View<const float, 4> w, Conv2dConfig config))
CRC_OP(void, gemm_tf32x3, (View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config))
CRC_OP(void, gemm_batched_tf32x3, (View<float, 4> c, View<const float, 4> a, View<const float, 4> b, GemmConfig config))

inline constexpr const char* kTf32x3 = "tf32 x 3";  // the gate's name for it
inline constexpr int kTf32Capability = 80;          // the first GPUs with tf32: Ampere

// Rows (images, products) that are split at a time, so that the parts stay small beside the network's own arrays: equal
// shares, multiples of 4 so that each begins 16-byte aligned.
inline constexpr int64_t kTf32x3Bytes = 96ll << 20;
inline int64_t tf32x3_share(int64_t rows, int64_t elements) {  // of a row, before it is split
  const int64_t bytes = std::max<int64_t>(1, rows * elements * 3 * int64_t(sizeof(float)));
  const int64_t shares = (bytes + kTf32x3Bytes - 1) / kTf32x3Bytes;
  return std::max<int64_t>(4, (rows + 4 * shares - 1) / (4 * shares) * 4);
}
// Bytes of the parts of two factors of which the first is split in shares.
inline int64_t tf32x3_bytes(int64_t rows, int64_t elements, int64_t other) {
  return 3 * int64_t(sizeof(float)) * (std::min(rows, tf32x3_share(rows, elements)) * elements + other);
}

// The parts of rows of `length`, in scratch memory of the caller's frame.
template <class Backend>
float* tf32_parts_of(Backend& backend, const float* x, int64_t size, int64_t length, Factor factor) {
  const int64_t rows = length > 0 ? size / length : 0;
  const View<float, 3> parts = backend.scratch().template take<float, 3>({rows, 3, length}, "tf32 parts");
  tf32_split(backend, parts, {x, {rows, length}, parts.device, "factor"}, factor);
  return parts.data;
}

// What both backends do.
template <class Backend>
void conv2d_tf32x3_on(Backend& backend, View<float, 4> y, View<const float, 4> x, View<const float, 4> w,
                      Conv2dConfig config) {
  const ConvProblem p = conv_problem<float>("conv2d_tf32x3", x, w, y, config);
  Arena& arena = backend.scratch();
  const Arena::Frame frame(arena);
  config.tf32 = true, config.tf32x3 = false;
  const float* wide_w = tf32_parts_of(backend, w.data, w.size(), p.c, Factor::right);
  const int64_t share = tf32x3_share(p.n, p.h * p.w * p.c);
  for (int64_t begin = 0; begin < p.n; begin += share) {
    const Arena::Frame images(arena);
    const auto part = x.slice(begin, std::min(p.n, begin + share));
    const float* wide_x = tf32_parts_of(backend, part.data, part.size(), p.c, Factor::left);
    conv2d(backend, y.slice(begin, begin + part.shape[0]),
           View<const float, 4>{wide_x, {part.shape[0], p.h, p.w, 3 * p.c}, x.device, "x in tf32 parts"},
           View<const float, 4>{wide_w, {p.k, p.r, p.r, 3 * p.c}, w.device, "w in tf32 parts"}, View<const float, 1>{},
           config);
  }
}

// Along the sum, K: the last axis of a factor [..,K], or the first of a transposed one [K,..].
template <class Backend>
void gemm_tf32x3_on(Backend& backend, View<float, 2> c, View<const float, 2> a, View<const float, 2> b,
                    GemmConfig config) {
  const int64_t m = c.shape[0], n = c.shape[1], k = check_gemm(c, a, b, config);
  Arena& arena = backend.scratch();
  const Arena::Frame frame(arena);
  config.tf32 = true, config.tf32x3 = false;
  const float* wide_b = tf32_parts_of(backend, b.data, b.size(), config.transpose_b ? k : k * n, Factor::right);
  const View<const float, 2> parts_of_b{
      wide_b, {config.transpose_b ? n : 3 * k, config.transpose_b ? 3 * k : n}, b.device, "b in tf32 parts"};
  const int64_t share = config.transpose_a ? std::max<int64_t>(1, m) : tf32x3_share(m, k);
  for (int64_t begin = 0; begin < m; begin += share) {
    const Arena::Frame rows(arena);
    const int64_t count = std::min(m - begin, share);
    const auto part = config.transpose_a ? a : a.slice(begin, begin + count);
    const float* wide_a = tf32_parts_of(backend, part.data, part.size(), config.transpose_a ? k * m : k, Factor::left);
    gemm(backend, c.slice(begin, begin + count),
         View<const float, 2>{
             wide_a, {config.transpose_a ? 3 * k : count, config.transpose_a ? m : 3 * k}, a.device, "a in tf32 parts"},
         parts_of_b, config);
  }
}
template <class Backend>
void gemm_batched_tf32x3_on(Backend& backend, View<float, 4> c, View<const float, 4> a, View<const float, 4> b,
                            GemmConfig config) {
  const int64_t r = c.shape[1], m = c.shape[2], n = c.shape[3], k = check_gemm_batched(c, a, b, config);
  Arena& arena = backend.scratch();
  config.tf32 = true, config.tf32x3 = false;
  const int64_t share = tf32x3_share(c.shape[0], r * m * k + b.shape[1] * k * n);
  for (int64_t begin = 0; begin < c.shape[0]; begin += share) {
    const Arena::Frame products(arena);
    const int64_t end = std::min(c.shape[0], begin + share);
    const auto of_a = a.slice(begin, end), of_b = b.slice(begin, end);
    const float *wide_a = tf32_parts_of(backend, of_a.data, of_a.size(), config.transpose_a ? k * m : k, Factor::left),
                *wide_b = tf32_parts_of(backend, of_b.data, of_b.size(), config.transpose_b ? k : k * n, Factor::right);
    gemm_batched(
        backend, c.slice(begin, end),
        View<const float, 4>{wide_a,
                             {end - begin, r, config.transpose_a ? 3 * k : m, config.transpose_a ? m : 3 * k},
                             a.device,
                             "a in tf32 parts"},
        View<const float, 4>{wide_b,
                             {end - begin, b.shape[1], config.transpose_b ? n : 3 * k, config.transpose_b ? 3 * k : n},
                             b.device,
                             "b in tf32 parts"},
        config);
  }
}

}  // namespace crc
