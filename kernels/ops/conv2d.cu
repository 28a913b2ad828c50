#include <functional>
#include <optional>

#include "kernels/cuda/contest.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/conv2d_padded.h"
#include "kernels/ops/conv2d_splitk.h"
#include "kernels/ops/round.h"
#include "kernels/ops/tf32x3.h"

namespace crc {
namespace {

constexpr const char *kPadded = "8 channels", *kSplitK = "split-K";  // ways

template <class T> struct AddImageBias {
  T* y;
  const float* bias;
  int64_t k;
  CRC_HD void operator()(int64_t i) const { y[i] = T(float(y[i]) + bias[i % k]); }
};

// The weights in the type of the activations; valid until the caller's frame ends.
template <class T> const void* weights_as(Cuda& cuda, View<const float, 4> w, View<const bf16, 4> given) {
  if constexpr (std::is_same_v<T, float>) return w.data;
  if (given.size() > 0) return given.data;
  const auto rounded = cuda.scratch().take<bf16>({w.size()}, "weights in bf16");
  for_each(cuda, "conv2d weights", w.size(), RoundToBf16{rounded.data, w.data});
  return rounded.data;
}

template <class T> constexpr bool is_bf16 = std::is_same_v<T, bf16>;

// Whether conv2d_padded.h computes y: the gate's choice.
bool pads(Cuda& cuda, const ConvProblem& problem, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w,
          View<const bf16, 4> rounded, Conv2dConfig config) {
  if (!may_pad(problem)) return false;
  const Arena::Frame frame(cuda.scratch());
  return choose_way(cuda, "conv2d " + to_string(problem),
                    {{"cuDNN",
                      [&] {
                        cudnn_conv(cuda, ConvPass::forward, problem, x.data, weights_as<bf16>(cuda, w, rounded),
                                   y.data);
                      }},
                     {kPadded, [&] { conv2d_padded(cuda, y, x, w, rounded, config); }, padded_bytes(problem)}},
                    {Contested(y)}, 2 * conv_tolerance(ConvPass::forward, problem)) == 1;
}

// What a scorer's convolution in fp32 is contested by: not the key of training's, which is strict.
std::string tf32x3_key(const ConvProblem& problem) { return "conv2d in fp32 or as accurate, " + to_string(problem); }

// Whether tf32x3.h computes y: the gate's choice.
bool splits(Cuda& cuda, const ConvProblem& problem, View<float, 4> y, View<const float, 4> x, View<const float, 4> w,
            Conv2dConfig config) {
  if (!config.tf32x3 || problem.tf32 || cuda.capability() < kTf32Capability) return false;
  return choose_way(cuda, tf32x3_key(problem),
                    {{"cuDNN", [&] { cudnn_conv(cuda, ConvPass::forward, problem, x.data, w.data, y.data); }},
                     {kTf32x3, [&] { conv2d_tf32x3(cuda, y, x, w, config); },
                      tf32x3_bytes(problem.n, problem.x_size() / problem.n, problem.w_size())}},
                    {Contested(y)}, 2 * conv_tolerance(ConvPass::forward, problem)) == 1;
}

template <class T>
void forward(Cuda& cuda, View<T, 4> y, View<const T, 4> x, View<const float, 4> w, View<const float, 1> bias,
             Conv2dConfig config, View<const bf16, 4> rounded = {}) {
  const ConvProblem problem = conv_problem<T>("conv2d", x, w, y, config);
  check_rounded("conv2d", rounded, w);
  if (bias.size()) check_shape("conv2d", bias, {problem.k});
  if (problem.n == 0) return;
  const Arena::Frame frame(cuda.scratch());
  bool done = false;
  if constexpr (is_bf16<T>) {
    done = pads(cuda, problem, y, x, w, rounded, config);
    if (done) conv2d_padded(cuda, y, x, w, rounded, config);
  } else {
    done = splits(cuda, problem, y, x, w, config);
    if (done) conv2d_tf32x3(cuda, y, x, w, config);
  }
  if (!done) cudnn_conv(cuda, ConvPass::forward, problem, x.data, weights_as<T>(cuda, w, rounded), y.data);
  if (bias.size()) for_each(cuda, "conv2d bias", y.size(), AddImageBias<T>{y.data, bias.data, problem.k});
}

template <class T>
void backward_data(Cuda& cuda, View<T, 4> dx, View<const T, 4> dy, View<const float, 4> w, Conv2dConfig config,
                   View<const bf16, 4> rounded = {}) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_data", dx, w, dy, config);
  check_rounded("conv2d_backward_data", rounded, w);
  if (problem.n == 0) return;
  const Arena::Frame frame(cuda.scratch());
  cudnn_conv(cuda, ConvPass::backward_data, problem, dy.data, weights_as<T>(cuda, w, rounded), dx.data);
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

// The other way to a weight gradient, where there is one.
struct OtherWay {
  const char* name;
  std::function<void(View<float, 4> dw)> run;
  int64_t workspace_bytes;
  double tolerance;  // of both ways together
};

// Whether the other way is the gate's choice.
template <class T>
bool takes(Cuda& cuda, const OtherWay& other, const ConvProblem& problem, View<float, 4> dw, View<const T, 4> dy,
           View<const T, 4> x) {
  const std::string key = "conv2d_backward_weights " + to_string(problem);
  const Arena::Frame frame(cuda.scratch());
  if (contest_due(cuda, key)) {  // in place of the gradients so far
    const Arena::Unmeasured trial(cuda.scratch());
    dw.data = cuda.scratch().take<float>({dw.size()}, "weight gradient on trial").data;
  }
  return choose_way(cuda, key,
                    {{"cuDNN", [&] { weights_by_library(cuda, problem, dw, dy, x); }},
                     {other.name, [&] { other.run(dw); }, other.workspace_bytes}},
                    {Contested(dw, true)}, other.tolerance) == 1;
}

template <class T>
void backward_weights(Cuda& cuda, View<float, 4> dw, View<const T, 4> dy, View<const T, 4> x, Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_weights", x, dw, dy, config);
  if (problem.n == 0) return;
  const double once = conv_tolerance(ConvPass::backward_weights, problem);
  std::optional<OtherWay> other;
  if constexpr (is_bf16<T>) {
    if (may_pad(problem))
      other = {kPadded, [&](View<float, 4> to) { conv2d_padded_weight_gradient(cuda, to, dy, x, config); },
               padded_bytes(problem), 2 * once};
  } else {  // in strict fp32 whatever config allows
    const SplitK split = split_k(problem);
    other = {kSplitK, [&](View<float, 4> to) { conv2d_weight_gradient_splitk(cuda, to, dy, x, config); },
             split.chunks * problem.w_size() * int64_t(sizeof(float)),
             once + tolerance(NumericClass::library, Dtype::f32, split.length)};
  }
  if (other && takes(cuda, *other, problem, dw, dy, x)) return other->run(dw);
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
void conv2d(Cuda& cuda, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
            View<const bf16, 4> rounded, Conv2dConfig config) {
  forward(cuda, y, x, w, bias, config, rounded);
}
void conv2d_backward_data(Cuda& cuda, View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w,
                          View<const bf16, 4> rounded, Conv2dConfig config) {
  backward_data(cuda, dx, dy, w, config, rounded);
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
  const char* op = pass == ConvPass::forward ? "conv2d " : "conv2d_backward_weights ";
  const auto way = pass == ConvPass::backward_data ? std::nullopt : cuda.gate().known(op + to_string(problem));
  if (way == kSplitK) return "own, split-K";
  const bool pads = way == kPadded;
  return "cuDNN " + std::to_string(cudnn_engine(cuda, pass, pads ? padded(problem) : problem)) +
         (pads ? ", 8 channels" : "");
}

}  // namespace crc
