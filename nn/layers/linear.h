// Fully connected layer: parameters of kernels/ops/linear.h.
#pragma once

#include "kernels/ops/linear.h"
#include "nn/params.h"
#include "nn/program.h"

namespace crc::nn {

class Linear {
 public:
  Linear(ParamLayout& layout, const std::string& name, int64_t in, int64_t out, Init init, bool decay_bias)
      : layout_(&layout) {
    weight_ = layout.add({name + ".weight", {out, in}, ParamKind::linear_weight, init, true});
    bias_ = layout.add({name + ".bias", {out}, ParamKind::bias, Init::zeros, decay_bias});
  }

  Instruction instruction(int input) const {
    return {.kind = Instruction::Kind::linear,
            .input = input,
            .weight = weight_,
            .bias = bias_,
            .out = layout_->params()[bias_].shape[0]};
  }

  void forward(Context& context, const Weights& weights, View<float, 2> y, View<const float, 2> x) const {
    linear(context, y, x, weights.param<2>(*layout_, weight_), weights.param<1>(*layout_, bias_));
  }
  // dx may be empty; gradients +=.
  void backward(Context& context, const Weights& weights, const Weights& grads, View<float, 2> dx,
                View<const float, 2> dy, View<const float, 2> x) const {
    linear_backward(context, dx, grads.param<2>(*layout_, weight_), grads.param<1>(*layout_, bias_), dy, x,
                    weights.param<2>(*layout_, weight_));
  }

 private:
  const ParamLayout* layout_;
  int weight_, bias_;
};

}  // namespace crc::nn
