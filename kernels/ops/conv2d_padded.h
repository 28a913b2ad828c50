// conv2d in bf16 (conv2d.h) of images with few channels, as those of a network's first layer, by way of images that zeros
// widen to kPaddedChannels: tensor cores want rows of 16 bytes, and a library that is given 3 channels does without them
// or widens for itself. w and dw keep their channels: what is widened lives in scratch memory for the call.
//   y, dw: as conv2d and conv2d_backward_weights have them; the zeros add nothing to any sum.
// x [N,H,W,C], C <= kPaddedChannels  y, dy [N,P,Q,K]  w, dw [K,R,R,C] fp32; rounded [K,R,R,C]: w in bf16, or empty.
// Scratch: x and w with their new channels. Class: library. No aliasing. Errors: internal for shapes that do not fit.
// conv2d takes it on a GPU where it wins at the gate (kernels/core/gate.h); the CPU gains nothing by it and just
// convolves.
#pragma once

#include "kernels/ops/conv2d.h"

namespace crc {

inline constexpr int64_t kPaddedChannels = 8;
inline bool may_pad(const ConvProblem& p) { return p.dtype == Dtype::bf16 && p.c < kPaddedChannels; }
inline ConvProblem padded(ConvProblem p) {
  p.c = kPaddedChannels;
  return p;
}
// Bytes of x and w as padded.
inline int64_t padded_bytes(const ConvProblem& p) {
  return (padded(p).x_size() + padded(p).w_size()) * int64_t(sizeof(bf16));
}

CRC_OP(void, conv2d_padded,
       (View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const bf16, 4> rounded,
        Conv2dConfig config))
CRC_OP(void, conv2d_padded_weight_gradient,
       (View<float, 4> dw, View<const bf16, 4> dy, View<const bf16, 4> x, Conv2dConfig config))

// Row i of `to` [.,kPaddedChannels]: row i of `from` [.,channels], then zeros.
template <class T> struct PadChannels {
  bf16* to;
  const T* from;
  int64_t channels;
  CRC_HD void operator()(int64_t i) const {
    for (int64_t c = 0; c < kPaddedChannels; ++c)
      round_to(to[i * kPaddedChannels + c], c < channels ? float(from[i * channels + c]) : 0.0f);
  }
};
// to [.,channels] += what `from` [.,kPaddedChannels] has of them.
struct AddUnpadded {
  float* to;
  const bf16* from;
  int64_t channels;
  CRC_HD void operator()(int64_t i) const { to[i] += float(from[i / channels * kPaddedChannels + i % channels]); }
};

}  // namespace crc
