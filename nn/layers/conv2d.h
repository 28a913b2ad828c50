// Convolution layer: parameters of kernels/ops/conv2d.h and their place in a ParamLayout.
#pragma once

#include "kernels/ops/conv2d.h"
#include "kernels/ops/conv2d_join.h"
#include "kernels/ops/reduce.h"
#include "nn/params.h"
#include "nn/program.h"

namespace crc::nn {

class Conv2d {
 public:
  struct Config {
    int64_t in, out, kernel = 3, stride = 1;
    bool bias = false;
    bool tf32 = false, tf32x3 = false;
  };
  Conv2d(ParamLayout& layout, const std::string& name, Config config)
      : layout_(&layout), config_(config), conv_{config.stride, config.kernel / 2, config.tf32, config.tf32x3} {
    weight_ = layout.add({name + ".weight",
                          {config.out, config.kernel, config.kernel, config.in},
                          ParamKind::conv_weight,
                          Init::kaiming_fan_out,
                          true});
    if (config.bias) bias_ = layout.add({name + ".bias", {config.out}, ParamKind::bias, Init::zeros, false});
  }

  int64_t out_channels() const { return config_.out; }
  int64_t out_extent(int64_t extent) const { return (extent + 2 * conv_.pad - config_.kernel) / conv_.stride + 1; }

  Instruction instruction(int input) const {
    return {.kind = Instruction::Kind::conv,
            .input = input,
            .weight = weight_,
            .bias = bias_,
            .out = config_.out,
            .kernel = config_.kernel,
            .stride = config_.stride};
  }

  template <class T> void forward(Context& context, const Weights& weights, View<T, 4> y, View<const T, 4> x) const {
    View<const float, 1> bias{nullptr, {0}, context.device(), "no bias"};
    if (bias_ >= 0) bias = weights.param<1>(*layout_, bias_);
    const View<const float, 4> w = weights.param<4>(*layout_, weight_);
    if constexpr (std::is_same_v<T, bf16>)
      conv2d(context, y, x, w, bias, weights.rounded_param<4>(*layout_, weight_), conv_);
    else
      conv2d(context, y, x, w, bias, conv_);
  }
  // As forward; true: plus is added already (kernels/ops/conv2d_join.h).
  template <class T>
  bool forward_join(Context& context, const Weights& weights, View<T, 4> y, View<const T, 4> x,
                    View<const T, 4> plus) const {
    View<const float, 1> bias{nullptr, {0}, context.device(), "no bias"};
    if (bias_ >= 0) bias = weights.param<1>(*layout_, bias_);
    const View<const float, 4> w = weights.param<4>(*layout_, weight_);
    if constexpr (std::is_same_v<T, bf16>)
      return conv2d_join(context, y, x, w, bias, weights.rounded_param<4>(*layout_, weight_), plus, conv_);
    else
      return conv2d_join(context, y, x, w, bias, plus, conv_);
  }
  // dx [N,H,W,in] =; gradients +=.
  template <class T>
  void backward_data(Context& context, const Weights& weights, View<T, 4> dx, View<const T, 4> dy) const {
    const View<const float, 4> w = weights.param<4>(*layout_, weight_);
    if constexpr (std::is_same_v<T, bf16>)
      conv2d_backward_data(context, dx, dy, w, weights.rounded_param<4>(*layout_, weight_), conv_);
    else
      conv2d_backward_data(context, dx, dy, w, conv_);
  }
  // As backward_data; true: plus is added already.
  template <class T>
  bool backward_data_join(Context& context, const Weights& weights, View<T, 4> dx, View<const T, 4> dy,
                          View<const T, 4> plus) const {
    const View<const float, 4> w = weights.param<4>(*layout_, weight_);
    if constexpr (std::is_same_v<T, bf16>)
      return conv2d_backward_data_join(context, dx, dy, w, weights.rounded_param<4>(*layout_, weight_), plus, conv_);
    else
      return conv2d_backward_data_join(context, dx, dy, w, plus, conv_);
  }
  template <class T>
  void backward_weights(Context& context, const Weights& grads, View<const T, 4> dy, View<const T, 4> x) const {
    conv2d_backward_weights(context, grads.param<4>(*layout_, weight_), dy, x, conv_);
    if (bias_ >= 0) {
      const int64_t channels = dy.shape[3];
      const View<const T, 2> rows{dy.data, {dy.size() / channels, channels}, dy.device, dy.name};
      column_sum(context, grads.param<1>(*layout_, bias_), rows);
    }
  }

 private:
  const ParamLayout* layout_;
  Config config_;
  Conv2dConfig conv_;
  int weight_ = -1, bias_ = -1;
};

}  // namespace crc::nn
