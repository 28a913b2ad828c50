#include "nn/mlp.h"

#include <optional>

#include "kernels/ops/add.h"
#include "kernels/ops/leaky_relu.h"
#include "nn/layers/linear.h"

namespace crc::nn {
namespace {

class Mlp : public Net {
 public:
  explicit Mlp(const MlpConfig& c)
      : Net(c.hidden.empty() ? c.inputs : c.hidden.back(), c.classes, Dtype::f32, /*exact=*/true),
        inputs_(c.inputs),
        widths_(c.hidden),
        slope_(c.slope) {
    int64_t in = c.inputs;
    for (size_t i = 0; i < c.hidden.size(); ++i) {
      layers_.emplace_back(layout_, "layers." + std::to_string(i), in, c.hidden[i], Init::kaiming_fan_out, false);
      in = c.hidden[i];
    }
    layers_.emplace_back(layout_, "fc", in, c.classes, Init::xavier_normal, false);
    project(c.projection);
  }

  void forward(Context& context, const Weights& weights, const Activations& input, Mode, View<float, 2> features,
               View<float, 2> logits, nn::Saved* saved_base) const override {
    Arena& arena = context.scratch();
    const View<float, 4> images = std::get<View<float, 4>>(input);
    const int64_t n = images.shape[0];
    check_shape("mlp", View<float, 2>{images.data, {n, n ? images.size() / n : inputs_}, images.device, "input"},
                {-1, inputs_});
    Saved unused;
    Saved& saved = saved_base ? static_cast<Saved&>(*saved_base) : unused;
    std::optional<Arena::Frame> frame;
    if (!saved_base) frame.emplace(arena);
    saved.inputs.clear();
    saved.sums.clear();
    View<const float, 2> x{images.data, {n, inputs_}, images.device, "input"};
    for (size_t i = 0; i < widths_.size(); ++i) {
      auto z = arena.take<float, 2>({n, widths_[i]}, "hidden sums");  // [N,width]
      const bool last = i + 1 == widths_.size();
      auto a = last ? features : arena.take<float, 2>({n, widths_[i]}, "hidden activations");
      layers_[i].forward(context, weights, z, x);
      leaky_relu(context, a.flat(), z.flat(), slope_);
      saved.inputs.push_back(x);
      saved.sums.push_back(z);
      x = a;
    }
    if (widths_.empty()) context.copy(features.flat(), x.flat());
    saved.inputs.push_back(x);
    layers_.back().forward(context, weights, logits, x);
  }

  void backward(Context& context, const Weights& weights, const Weights& grads, View<const float, 2> dlogits,
                const nn::Saved& saved_base, View<const float, 2> dfeatures) const override {
    const Saved& saved = static_cast<const Saved&>(saved_base);
    Arena& arena = context.scratch();
    Arena::Frame frame(arena);
    const int64_t n = dlogits.shape[0];
    View<const float, 2> dy = dlogits;
    for (int64_t i = int64_t(widths_.size()); i >= 0; --i) {
      const View<float, 2> none{nullptr, {0, 0}, context.device(), "none"};
      auto dx = i == 0 ? none : arena.take<float, 2>({n, widths_[i - 1]}, "hidden gradient");  // [N,width]
      layers_[i].backward(context, weights, grads, dx, dy, saved.inputs[i]);
      if (i == 0) break;
      if (i == int64_t(widths_.size()) && dfeatures.size() > 0) add(context, dx.flat(), dx.flat(), dfeatures.flat());
      leaky_relu_backward(context, dx.flat(), dx.flat(), saved.sums[i - 1].flat(), slope_);
      dy = dx;
    }
  }

  std::unique_ptr<nn::Saved> new_saved() const override { return std::make_unique<Saved>(); }
  Program program() const override {
    Program program;
    int x = 0;
    for (const Linear& layer : layers_) {
      if (x > 0) x = program.add({.kind = Instruction::Kind::leaky_relu, .input = x, .norm = {.slope = slope_}});
      x = program.add(layer.instruction(x));
    }
    return program;
  }

 private:
  struct Saved : nn::Saved {
    std::vector<View<const float, 2>> inputs;  // of every layer, the head included
    std::vector<View<const float, 2>> sums;    // before the activation
  };
  int64_t inputs_;
  std::vector<int64_t> widths_;
  float slope_;
  std::vector<Linear> layers_;
};

}  // namespace

std::unique_ptr<Net> make_mlp(const MlpConfig& config) {
  if (config.inputs < 1 || config.classes < 2)
    fail(ExitCode::config, "an MLP needs at least one input and two classes");
  return std::make_unique<Mlp>(config);
}

}  // namespace crc::nn
