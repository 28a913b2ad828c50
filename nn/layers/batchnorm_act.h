// Batch normalisation + LeakyReLU layer: parameters and running statistics of kernels/ops/batchnorm_act.h.
#pragma once

#include "kernels/ops/batchnorm_act.h"
#include "nn/params.h"
#include "nn/program.h"

namespace crc::nn {

class BatchNormAct {
 public:
  BatchNormAct(ParamLayout& layout, const std::string& name, int64_t channels, BatchNormConfig config)
      : layout_(&layout), config_(config) {
    scale_ = layout.add({name + ".weight", {channels}, ParamKind::bn_scale, Init::ones, false});
    shift_ = layout.add({name + ".bias", {channels}, ParamKind::bn_shift, Init::zeros, false});
    running_ = layout.add_running(name, channels);
  }

  int64_t channels() const { return layout_->running()[running_].channels; }

  Instruction instruction(int input) const {
    return {.kind = Instruction::Kind::norm_act,
            .input = input,
            .weight = scale_,
            .bias = shift_,
            .running = running_,
            .norm = config_};
  }

  // saved [2,C] feeds backward.
  template <class T>
  void forward(Context& context, const Weights& weights, View<T, 4> y, View<float, 2> saved, View<const T, 4> x,
               Mode mode) const {
    batchnorm_act(context, y, saved, weights.running_mean(*layout_, running_), weights.running_var(*layout_, running_),
                  x, weights.param<1>(*layout_, scale_), weights.param<1>(*layout_, shift_), config_, mode);
  }
  // x += plus first.
  template <class T>
  void add_forward(Context& context, const Weights& weights, View<T, 4> y, View<float, 2> saved, View<T, 4> x,
                   View<const T, 4> plus, Mode mode) const {
    add_batchnorm_act(context, y, saved, weights.running_mean(*layout_, running_),
                      weights.running_var(*layout_, running_), x, plus, weights.param<1>(*layout_, scale_),
                      weights.param<1>(*layout_, shift_), config_, mode);
  }
  // For an output that nothing reads: only the statistics move.
  template <class T>
  void forward_stats(Context& context, const Weights& weights, View<float, 2> saved, View<const T, 4> x,
                     Mode mode) const {
    batchnorm_stats(context, saved, weights.running_mean(*layout_, running_), weights.running_var(*layout_, running_),
                    x, config_, mode);
  }
  // dx may alias dy. `plus` is added to dx; empty: nothing.
  template <class T>
  void backward(Context& context, const Weights& weights, const Weights& grads, View<T, 4> dx, View<const T, 4> dy,
                View<const T, 4> x, View<const float, 2> saved, Mode mode,
                std::type_identity_t<View<const T, 4>> plus = {}) const {
    batchnorm_act_backward(context, dx, grads.param<1>(*layout_, scale_), grads.param<1>(*layout_, shift_), dy, x, plus,
                           saved, weights.param<1>(*layout_, scale_), weights.param<1>(*layout_, shift_), config_,
                           mode);
  }

 private:
  const ParamLayout* layout_;
  BatchNormConfig config_;
  int scale_, shift_, running_;
};

}  // namespace crc::nn
