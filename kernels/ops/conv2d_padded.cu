#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/conv2d_padded.h"

namespace crc {
namespace {

// [rows, channels] with the new channels, in scratch memory of the caller's frame.
template <class T> const bf16* pad(Cuda& cuda, const char* op, const T* from, int64_t rows, int64_t channels) {
  bf16* to = cuda.scratch().take<bf16>({rows, kPaddedChannels}, "padded channels").data;
  for_each(cuda, op, rows, PadChannels<T>{to, from, channels});
  return to;
}

void check_channels(const char* op, const ConvProblem& p) {
  if (p.c > kPaddedChannels)
    fail_internal(std::string(op) + ": " + std::to_string(p.c) + " channels are more than " +
                  std::to_string(kPaddedChannels));
}

}  // namespace

void conv2d_padded(Cuda& cuda, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w,
                   View<const bf16, 4> rounded, Conv2dConfig config) {
  constexpr const char* kOp = "conv2d_padded";
  const ConvProblem p = conv_problem<bf16>(kOp, x, w, y, config);
  check_rounded(kOp, rounded, w);
  check_channels(kOp, p);
  if (p.n == 0) return;
  const Arena::Frame frame(cuda.scratch());
  const bf16* wide_x = pad(cuda, kOp, x.data, p.n * p.h * p.w, p.c);
  const int64_t rows = p.k * p.r * p.r;
  const bf16* wide_w = rounded.size() > 0 ? pad(cuda, kOp, rounded.data, rows, p.c) : pad(cuda, kOp, w.data, rows, p.c);
  cudnn_conv(cuda, ConvPass::forward, padded(p), wide_x, wide_w, y.data);
}

void conv2d_padded_weight_gradient(Cuda& cuda, View<float, 4> dw, View<const bf16, 4> dy, View<const bf16, 4> x,
                                   Conv2dConfig config) {
  constexpr const char* kOp = "conv2d_padded_weight_gradient";
  const ConvProblem p = conv_problem<bf16>(kOp, x, dw, dy, config);
  check_channels(kOp, p);
  if (p.n == 0) return;
  const Arena::Frame frame(cuda.scratch());
  const bf16* wide_x = pad(cuda, kOp, x.data, p.n * p.h * p.w, p.c);
  const auto sum = cuda.scratch().take<bf16>({padded(p).w_size()}, "weight gradient of this batch");
  cudnn_conv(cuda, ConvPass::backward_weights, padded(p), dy.data, wide_x, sum.data);
  for_each(cuda, kOp, dw.size(), AddUnpadded{dw.data, sum.data, p.c});
}

}  // namespace crc
