#include "kernels/cuda/contest.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/conv2d_splitk.h"

namespace crc {
namespace {

template <class T> struct AddBias {
  T* y;
  const float* bias;
  int64_t k;
  CRC_HD void operator()(int64_t i) const { y[i] = T(float(y[i]) + bias[i % k]); }
};

struct RoundToBf16 {
  bf16* to;
  const float* from;
  CRC_HD void operator()(int64_t i) const { to[i] = bf16(from[i]); }
};

// The weights in the type of the activations; valid until the caller's frame ends.
template <class T> const void* weights_as(Cuda& cuda, View<const float, 4> w) {
  if constexpr (std::is_same_v<T, float>) return w.data;
  const auto rounded = cuda.scratch().take<bf16>({w.size()}, "weights in bf16");
  for_each(cuda, "conv2d weights", w.size(), RoundToBf16{rounded.data, w.data});
  return rounded.data;
}

template <class T>
void forward(Cuda& cuda, View<T, 4> y, View<const T, 4> x, View<const float, 4> w, View<const float, 1> bias,
             Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d", x, w, y, config);
  if (bias.size()) check_shape("conv2d", bias, {problem.k});
  if (problem.n == 0) return;
  const Arena::Frame frame(cuda.scratch());
  cudnn_conv(cuda, ConvPass::forward, problem, x.data, weights_as<T>(cuda, w), y.data);
  if (bias.size()) for_each(cuda, "conv2d bias", y.size(), AddBias<T>{y.data, bias.data, problem.k});
}

template <class T>
void backward_data(Cuda& cuda, View<T, 4> dx, View<const T, 4> dy, View<const float, 4> w, Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_data", dx, w, dy, config);
  if (problem.n == 0) return;
  const Arena::Frame frame(cuda.scratch());
  cudnn_conv(cuda, ConvPass::backward_data, problem, dy.data, weights_as<T>(cuda, w), dx.data);
}

template <class T>
void weights_by_library(Cuda& cuda, const ConvProblem& problem, View<float, 4> dw, View<const T, 4> dy,
                        View<const T, 4> x) {
  const Arena::Frame frame(cuda.scratch());
  // cuDNN has no engine with bf16 inputs and an fp32 result: the sum is rounded once, then added.
  const auto sum = cuda.scratch().take<T>({dw.size()}, "weight gradient of this batch");
  cudnn_conv(cuda, ConvPass::backward_weights, problem, dy.data, x.data, sum.data);
  for_each(cuda, "conv2d_backward_weights", dw.size(), AddInto<T>{dw.data, sum.data});
}

// Whether conv2d_splitk.h computes it, in strict fp32 whatever config allows: the gate's choice.
bool splits(Cuda& cuda, const ConvProblem& problem, View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x,
            Conv2dConfig config) {
  constexpr ConvPass kPass = ConvPass::backward_weights;
  const std::string key = "conv2d_backward_weights " + to_string(problem);
  const Arena::Frame frame(cuda.scratch());
  if (contest_due(cuda, key)) {  // in place of the gradients so far
    const Arena::Unmeasured trial(cuda.scratch());
    dw.data = cuda.scratch().take<float>({dw.size()}, "weight gradient on trial").data;
  }
  const double tolerances =
      conv_tolerance(kPass, problem) + tolerance(NumericClass::library, Dtype::f32, split_k(problem).length);
  return choose_way(cuda, key,
                    {{"cuDNN", [&] { weights_by_library(cuda, problem, dw, dy, x); }},
                     {"split-K", [&] { conv2d_weight_gradient_splitk(cuda, dw, dy, x, config); },
                      split_k(problem).chunks * problem.w_size() * int64_t(sizeof(float))}},
                    {Contested(dw, true)}, tolerances) == 1;
}

template <class T>
void backward_weights(Cuda& cuda, View<float, 4> dw, View<const T, 4> dy, View<const T, 4> x, Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_weights", x, dw, dy, config);
  if (problem.n == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (splits(cuda, problem, dw, dy, x, config)) return conv2d_weight_gradient_splitk(cuda, dw, dy, x, config);
  }
  weights_by_library(cuda, problem, dw, dy, x);
}

}  // namespace

void conv2d(Cuda& cuda, View<float, 4> y, View<const float, 4> x, View<const float, 4> w, View<const float, 1> bias,
            Conv2dConfig config) {
  forward(cuda, y, x, w, bias, config);
}
void conv2d(Cuda& cuda, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
            Conv2dConfig config) {
  forward(cuda, y, x, w, bias, config);
}
void conv2d_backward_data(Cuda& cuda, View<float, 4> dx, View<const float, 4> dy, View<const float, 4> w,
                          Conv2dConfig config) {
  backward_data(cuda, dx, dy, w, config);
}
void conv2d_backward_data(Cuda& cuda, View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w,
                          Conv2dConfig config) {
  backward_data(cuda, dx, dy, w, config);
}
void conv2d_backward_weights(Cuda& cuda, View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x,
                             Conv2dConfig config) {
  backward_weights(cuda, dw, dy, x, config);
}
void conv2d_backward_weights(Cuda& cuda, View<float, 4> dw, View<const bf16, 4> dy, View<const bf16, 4> x,
                             Conv2dConfig config) {
  backward_weights(cuda, dw, dy, x, config);
}

std::string conv2d_path(Cuda& cuda, ConvPass pass, ConvProblem problem) {
  if (pass == ConvPass::backward_weights &&
      cuda.gate().known("conv2d_backward_weights " + to_string(problem)) == "split-K")
    return "own, split-K";
  return "cuDNN " + std::to_string(cudnn_engine(cuda, pass, problem));
}

}  // namespace crc
