#include "kernels/ops/conv2d.h"

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/onednn.h"

namespace crc {
namespace {

template <class T>
void forward(Cpu& cpu, View<T, 4> y, View<const T, 4> x, View<const float, 4> w, View<const float, 1> bias,
             Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d", x, w, y, config);
  if (bias.size()) check_shape("conv2d", bias, {problem.k});
  if (problem.n == 0) return;
  cpu.onednn().conv(cpu, ConvPass::forward, problem, x.data, w.data, bias.size() ? bias.data : nullptr, y.data);
}

template <class T>
void backward_data(Cpu& cpu, View<T, 4> dx, View<const T, 4> dy, View<const float, 4> w, Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_data", dx, w, dy, config);
  if (problem.n == 0) return;
  cpu.onednn().conv(cpu, ConvPass::backward_data, problem, dy.data, w.data, nullptr, dx.data);
}

template <class T>
void backward_weights(Cpu& cpu, View<float, 4> dw, View<const T, 4> dy, View<const T, 4> x, Conv2dConfig config) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_weights", x, dw, dy, config);
  if (problem.n == 0) return;
  const Arena::Frame frame(cpu.scratch());
  const auto sum = cpu.scratch().take<float>({dw.size()}, "weight gradient of this batch");
  cpu.onednn().conv(cpu, ConvPass::backward_weights, problem, dy.data, x.data, nullptr, sum.data);
  for_each(cpu, dw.size(), AddInto<float>{dw.data, sum.data});
}

}  // namespace

void conv2d(Cpu& cpu, View<float, 4> y, View<const float, 4> x, View<const float, 4> w, View<const float, 1> bias,
            Conv2dConfig config) {
  forward(cpu, y, x, w, bias, config);
}
void conv2d(Cpu& cpu, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
            Conv2dConfig config) {
  forward(cpu, y, x, w, bias, config);
}
void conv2d_backward_data(Cpu& cpu, View<float, 4> dx, View<const float, 4> dy, View<const float, 4> w,
                          Conv2dConfig config) {
  backward_data(cpu, dx, dy, w, config);
}
void conv2d(Cpu& cpu, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
            View<const bf16, 4> rounded, Conv2dConfig config) {
  check_rounded("conv2d", rounded, w);
  forward(cpu, y, x, w, bias, config);
}
void conv2d_backward_data(Cpu& cpu, View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w,
                          Conv2dConfig config) {
  backward_data(cpu, dx, dy, w, config);
}
void conv2d_backward_data(Cpu& cpu, View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w,
                          View<const bf16, 4> rounded, Conv2dConfig config) {
  check_rounded("conv2d_backward_data", rounded, w);
  backward_data(cpu, dx, dy, w, config);
}
void conv2d_backward_weights(Cpu& cpu, View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x,
                             Conv2dConfig config) {
  backward_weights(cpu, dw, dy, x, config);
}
void conv2d_backward_weights(Cpu& cpu, View<float, 4> dw, View<const bf16, 4> dy, View<const bf16, 4> x,
                             Conv2dConfig config) {
  backward_weights(cpu, dw, dy, x, config);
}

std::string conv2d_path(Cpu&, ConvPass, ConvProblem) { return "oneDNN"; }

}  // namespace crc
