#include "kernels/cuda/cuda.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/ops/add.h"
#include "kernels/ops/batchnorm_act.h"
#include "kernels/ops/conv2d_join.h"

namespace crc {
namespace {

// The pass over y that the next batch norm makes for its statistics: where the sum is open it adds on that pass
// (add_batchnorm_act), which then moves as much as an addition, and where it is joined already it has only to read.
template <class T> void read_for_statistics(Cuda& cuda, View<const T, 4> y) {
  const Arena::Frame frame(cuda.scratch());
  const int64_t channels = y.shape[3];
  const auto unused = cuda.scratch().take<float>({4, channels}, "statistics on trial");
  const View<float, 1> mean{unused.data + 2 * channels, {channels}, y.device, "mean"},
      var{unused.data + 3 * channels, {channels}, y.device, "var"};
  batchnorm_stats(cuda, {unused.data, {2, channels}, y.device, "saved"}, mean, var, y, {}, Mode::train_frozen_stats);
}

template <class T, class... Rounded>
bool forward(Cuda& cuda, View<T, 4> y, View<const T, 4> x, View<const float, 4> w, View<const float, 1> bias,
             View<const T, 4> plus, Conv2dConfig config, const void* weights, Rounded... rounded) {
  const ConvProblem problem = conv_problem<T>("conv2d_join", x, w, y, config);
  check_join("conv2d_join", plus, y);
  const auto alone = [&] { conv2d(cuda, y, x, w, bias, rounded..., config); };
  const auto apart = [&] {
    alone();
    add(cuda, y.flat(), y.flat(), plus.flat());
  };
  if (weights && bias.size() == 0 && problem.n > 0 &&
      cudnn_conv_plus(cuda, ConvPass::forward, problem, x.data, weights, plus.data, y.data, apart,
                      [&] { read_for_statistics<T>(cuda, y); }))
    return true;
  alone();
  return false;
}

template <class T, class... Rounded>
bool backward_data(Cuda& cuda, View<T, 4> dx, View<const T, 4> dy, View<const float, 4> w, View<const T, 4> plus,
                   Conv2dConfig config, const void* weights, Rounded... rounded) {
  const ConvProblem problem = conv_problem<T>("conv2d_backward_data_join", dx, w, dy, config);
  check_join("conv2d_backward_data_join", plus, dx);
  const auto alone = [&] { conv2d_backward_data(cuda, dx, dy, w, rounded..., config); };
  const auto apart = [&] {
    alone();
    add(cuda, dx.flat(), dx.flat(), plus.flat());
  };
  if (weights && problem.n > 0 &&
      cudnn_conv_plus(cuda, ConvPass::backward_data, problem, dy.data, weights, plus.data, dx.data, apart, [] {}))
    return true;
  alone();
  return false;
}

}  // namespace

bool conv2d_join(Cuda& cuda, View<float, 4> y, View<const float, 4> x, View<const float, 4> w,
                 View<const float, 1> bias, View<const float, 4> plus, Conv2dConfig config) {
  return forward(cuda, y, x, w, bias, plus, config, config.tf32 ? w.data : nullptr);
}
bool conv2d_join(Cuda& cuda, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
                 View<const bf16, 4> rounded, View<const bf16, 4> plus, Conv2dConfig config) {
  check_rounded("conv2d_join", rounded, w);
  return forward(cuda, y, x, w, bias, plus, config, rounded.size() > 0 ? rounded.data : nullptr, rounded);
}
bool conv2d_backward_data_join(Cuda& cuda, View<float, 4> dx, View<const float, 4> dy, View<const float, 4> w,
                               View<const float, 4> plus, Conv2dConfig config) {
  return backward_data(cuda, dx, dy, w, plus, config, config.tf32 ? w.data : nullptr);
}
bool conv2d_backward_data_join(Cuda& cuda, View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w,
                               View<const bf16, 4> rounded, View<const bf16, 4> plus, Conv2dConfig config) {
  check_rounded("conv2d_backward_data_join", rounded, w);
  return backward_data(cuda, dx, dy, w, plus, config, rounded.size() > 0 ? rounded.data : nullptr, rounded);
}

}  // namespace crc
