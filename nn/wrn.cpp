#include "nn/wrn.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/ops/add.h"
#include "kernels/ops/pool.h"
#include "nn/layers/linear.h"
#include "nn/wrn_unit.h"

namespace crc::nn {
namespace {

UnitInput input_rule(Wiring wiring, int stage, int64_t in, int64_t out, int64_t stride) {
  if (in == out && stride == 1) return UnitInput::identity;
  if (stage == 0) return UnitInput::activated;
  switch (wiring) {
    case Wiring::raw_x:
      return UnitInput::raw;
    case Wiring::shared_act:
      return UnitInput::activated;
    case Wiring::preact:
      return UnitInput::split;
  }
  return UnitInput::raw;
}

template <class T> class Wrn : public Net {
 public:
  explicit Wrn(const WrnConfig& config);

  void forward(Context& context, const Weights& weights, const Activations& input, Mode mode, View<float, 2> features,
               View<float, 2> logits, nn::Saved* saved) const override;
  void backward(Context& context, const Weights& weights, const Weights& grads, View<const float, 2> dlogits,
                const nn::Saved& saved, View<const float, 2> dfeatures) const override;
  std::unique_ptr<nn::Saved> new_saved() const override { return std::make_unique<Saved>(); }
  Program program() const override {
    Program program;
    int x = program.add(stem_->instruction(0));
    for (const WrnUnit& unit : units_) x = unit.append(program, x);
    const int features =
        program.add({.kind = Instruction::Kind::pool, .input = program.add(last_norm_->instruction(x))});
    program.add(head_->instruction(features));
    return program;
  }

 private:
  struct Saved : nn::Saved {
    View<const T, 4> input, last;  // the images; the output of the last unit
    std::vector<WrnUnit::Saved<T>> units;
    View<float, 2> last_stats;
    View<const float, 2> features;
    Mode mode;
  };
  void forward_eval(Context&, const Weights&, View<const T, 4> x, View<float, 2> features) const;
  void forward_saving(Context&, const Weights&, View<const T, 4> x, Mode, View<float, 2> features, Saved&) const;
  void finish(Context&, const Weights&, const Residual<T>& last, Mode, View<float, 2> stats,
              View<float, 2> features) const;

  std::optional<Conv2d> stem_;
  std::vector<WrnUnit> units_;
  std::optional<BatchNormAct> last_norm_;
  std::optional<Linear> head_;
};

template <class T>
Wrn<T>::Wrn(const WrnConfig& c)
    : Net(4 * c.base_channels * c.width, c.classes, c.precision, c.precision == Dtype::f32 && !c.tf32) {
  stem_.emplace(
      layout_, "conv1",
      Conv2d::Config{
          .in = 3, .out = c.base_channels, .bias = c.conv_bias != ConvBias::none, .tf32 = c.tf32, .tf32x3 = c.tf32x3});
  int64_t in = c.base_channels;
  for (int stage = 0; stage < 3; ++stage) {
    const int64_t out = (c.base_channels * c.width) << stage;
    for (int64_t u = 0; u < (c.depth - 4) / 6; ++u) {
      const int64_t stride = u > 0 ? 1 : stage == 0 ? c.first_stride : 2;
      units_.emplace_back(layout_, "block" + std::to_string(stage + 1) + ".layer." + std::to_string(u),
                          WrnUnit::Config{.in = in,
                                          .out = out,
                                          .stride = stride,
                                          .input = input_rule(c.wiring, stage, in, out, stride),
                                          .norm = c.norm,
                                          .conv_bias = c.conv_bias == ConvBias::all,
                                          .tf32 = c.tf32,
                                          .tf32x3 = c.tf32x3});
      in = out;
    }
  }
  last_norm_.emplace(layout_, "bn1", in, c.norm);
  head_.emplace(layout_, "fc", in, c.classes, c.head_init, c.decay_head_bias);
  project(c.projection);
}

template <class T>
void Wrn<T>::finish(Context& context, const Weights& weights, const Residual<T>& last, Mode mode, View<float, 2> stats,
                    View<float, 2> features) const {
  Arena::Frame frame(context.scratch());
  const auto& s = last.x.shape;
  auto act = context.scratch().take<T, 4>({s[0], s[1], s[2], s[3]}, "last act");
  norm_joined(context, *last_norm_, weights, act, stats, last, mode);
  global_avg_pool(context, features, act);
}

// Nothing is kept: two frames leapfrog, so memory holds one unit at a time.
template <class T>
void Wrn<T>::forward_eval(Context& context, const Weights& weights, View<const T, 4> images,
                          View<float, 2> features) const {
  Arena& arena = context.scratch();
  const int64_t n = images.shape[0], h = images.shape[1], w = images.shape[2];
  int64_t widest = h * w * stem_->out_channels();
  for (int64_t i = 0, hh = h, ww = w; i < int64_t(units_.size()); ++i) {
    hh = units_[i].out_extent(hh), ww = units_[i].out_extent(ww);
    widest = std::max(widest, hh * ww * units_[i].out_channels());
  }
  auto kept = arena.take<T, 1>({n * widest}, "unit input");
  View<T, 4> x{kept.data, {n, h, w, stem_->out_channels()}, kept.device, kept.name};
  stem_->forward<T>(context, weights, x, images);
  for (const WrnUnit& unit : units_) {
    Arena::Frame frame(arena);
    WrnUnit::Saved<T> unused;
    const Residual<T> y = unit.forward<T>(context, weights, {x}, Mode::eval, unused);
    std::copy_n(y.x.shape, 4, x.shape);
    if (y.open())
      add(context, x.flat(), y.x.flat(), y.plus.flat());
    else
      context.copy(x, y.x);
  }
  auto stats = arena.take<float, 2>({2, x.shape[3]}, "statistics");
  finish(context, weights, {x}, Mode::eval, stats, features);
}

template <class T>
void Wrn<T>::forward_saving(Context& context, const Weights& weights, View<const T, 4> images, Mode mode,
                            View<float, 2> features, Saved& saved) const {
  Arena& arena = context.scratch();
  saved.input = images;
  saved.mode = mode;
  saved.units.resize(units_.size());
  auto stem = arena.take<T, 4>({images.shape[0], images.shape[1], images.shape[2], stem_->out_channels()}, "stem");
  stem_->forward<T>(context, weights, stem, images);
  Residual<T> residual{stem};
  for (size_t i = 0; i < units_.size(); ++i)
    residual = units_[i].template forward<T>(context, weights, residual, mode, saved.units[i]);
  saved.last = residual.x;
  saved.last_stats = arena.take<float, 2>({2, residual.x.shape[3]}, "last statistics");
  finish(context, weights, residual, mode, saved.last_stats, features);
  saved.features = features;
}

template <class T>
void Wrn<T>::forward(Context& context, const Weights& weights, const Activations& input, Mode mode,
                     View<float, 2> features, View<float, 2> logits, nn::Saved* saved) const {
  const View<const T, 4> images = std::get<View<T, 4>>(input);
  check_shape("wrn", images, {-1, -1, -1, 3});
  check_shape("wrn", features, {images.shape[0], feature_dim()});
  if (saved) {
    forward_saving(context, weights, images, mode, features, static_cast<Saved&>(*saved));
  } else {
    Arena::Frame frame(context.scratch());
    if (mode == Mode::eval) {
      forward_eval(context, weights, images, features);
    } else {
      Saved unused;
      forward_saving(context, weights, images, mode, features, unused);
    }
  }
  head_->forward(context, weights, logits, features);
}

template <class T>
void Wrn<T>::backward(Context& context, const Weights& weights, const Weights& grads, View<const float, 2> dlogits,
                      const nn::Saved& saved_base, View<const float, 2> more) const {
  const Saved& saved = static_cast<const Saved&>(saved_base);
  Arena& arena = context.scratch();
  Arena::Frame frame(arena);
  const int64_t n = dlogits.shape[0];
  auto dfeatures = arena.take<float, 2>({n, feature_dim()}, "gradient of the features");
  head_->backward(context, weights, grads, dfeatures, dlogits, saved.features);
  if (more.size() > 0) add(context, dfeatures.flat(), dfeatures.flat(), more.flat());

  // The gradient of the residual stream alternates between two buffers.
  int64_t widest = saved.last.size();
  for (const auto& unit : saved.units) widest = std::max(widest, unit.x.size());
  const View<T, 1> buffers[2] = {arena.take<T, 1>({widest}, "gradient of the residual stream"),
                                 arena.take<T, 1>({widest}, "gradient of the residual stream")};
  const auto as = [](View<T, 1> buffer, View<const T, 4> like) {
    View<T, 4> v{buffer.data, {}, buffer.device, buffer.name};
    std::copy_n(like.shape, 4, v.shape);
    return v;
  };
  View<T, 4> dy = as(buffers[0], saved.last);
  global_avg_pool_backward(context, dy, dfeatures);
  last_norm_->backward<T>(context, weights, grads, dy, dy, saved.last, saved.last_stats, saved.mode);
  for (int64_t i = int64_t(units_.size()) - 1; i >= 0; --i) {
    const View<T, 4> dx = as(buffers[(units_.size() - i) % 2], saved.units[i].x);
    units_[i].template backward<T>(context, weights, grads, dx, dy, saved.units[i]);
    dy = dx;
  }
  stem_->backward_weights<T>(context, grads, dy, saved.input);
}

}  // namespace

std::unique_ptr<Net> make_wrn(const WrnConfig& config) {
  if (config.depth < 10 || (config.depth - 4) % 6 != 0)
    fail(ExitCode::config,
         "model.depth = " + std::to_string(config.depth) + " is not a WRN depth; use 6n + 4: 10, 16, 22, 28, 34, 40");
  if (config.classes < 2)
    fail(ExitCode::config, "the data set has " + std::to_string(config.classes) +
                               " class; at least 2 are to be told "
                               "apart");
  for (const auto& [key, value] : {std::pair("width", config.width),
                                   {"base_channels", config.base_channels},
                                   {"first_stride", config.first_stride}})
    if (value < 1)
      fail(ExitCode::config, std::string("model.") + key + " = " + std::to_string(value) + "; use at least 1");
  if (config.precision == Dtype::bf16) return std::make_unique<Wrn<bf16>>(config);
  return std::make_unique<Wrn<float>>(config);
}

}  // namespace crc::nn
