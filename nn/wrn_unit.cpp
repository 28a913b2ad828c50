#include "nn/wrn_unit.h"

#include "kernels/ops/add.h"

namespace crc::nn {

WrnUnit::WrnUnit(ParamLayout& layout, const std::string& name, Config config)
    : config_(config),
      bn1_(layout, name + ".bn1", config.in, config.norm),
      conv1_(layout, name + ".conv1",
             {.in = config.in,
              .out = config.out,
              .kernel = 3,
              .stride = config.stride,
              .bias = config.conv_bias,
              .tf32 = config.tf32,
              .tf32x3 = config.tf32x3}),
      bn2_(layout, name + ".bn2", config.out, config.norm),
      conv2_(layout, name + ".conv2",
             {.in = config.out,
              .out = config.out,
              .kernel = 3,
              .stride = 1,
              .bias = config.conv_bias,
              .tf32 = config.tf32,
              .tf32x3 = config.tf32x3}) {
  if (config.input != UnitInput::identity)
    shortcut_.emplace(layout, name + ".convShortcut",
                      Conv2d::Config{.in = config.in,
                                     .out = config.out,
                                     .kernel = 1,
                                     .stride = config.stride,
                                     .bias = config.conv_bias,
                                     .tf32 = config.tf32,
                                     .tf32x3 = config.tf32x3});
}

int WrnUnit::append(Program& program, int x) const {
  const int a = config_.input == UnitInput::raw ? x : program.add(bn1_.instruction(x));
  const int y = program.add(conv2_.instruction(program.add(bn2_.instruction(program.add(conv1_.instruction(a))))));
  const int s = shortcut_ ? program.add(shortcut_->instruction(config_.input == UnitInput::activated ? a : x)) : x;
  return program.add({.kind = Instruction::Kind::add, .input = y, .other = s});
}

template <class T> View<const T, 4> joined(Context& context, const Residual<T>& residual) {
  if (residual.open()) add(context, residual.x.flat(), residual.x.flat(), residual.plus.flat());
  return residual.x;
}

template <class T>
void norm_joined(Context& context, const BatchNormAct& norm, const Weights& weights, View<T, 4> y, View<float, 2> saved,
                 const Residual<T>& residual, Mode mode) {
  if (residual.open())
    norm.add_forward<T>(context, weights, y, saved, residual.x, residual.plus, mode);
  else
    norm.forward<T>(context, weights, y, saved, residual.x, mode);
}

template <class T>
Residual<T> WrnUnit::forward(Context& context, const Weights& weights, const Residual<T>& in, Mode mode,
                             Saved<T>& saved) const {
  const View<T, 4> x = in.x;
  Arena& arena = context.scratch();
  const int64_t n = x.shape[0], h = conv1_.out_extent(x.shape[1]), w = conv1_.out_extent(x.shape[2]);
  auto y = arena.take<T, 4>({n, h, w, config_.out}, "unit output");  // [N,H',W',out]
  saved.x = x;
  saved.mode = mode;
  saved.stats1 = arena.take<float, 2>({2, config_.in}, "bn1 statistics");
  saved.stats2 = arena.take<float, 2>({2, config_.out}, "bn2 statistics");

  View<const T, 4> conv_input = x;
  if (config_.input == UnitInput::raw) {
    bn1_.forward_stats(context, weights, saved.stats1, joined(context, in), mode);
  } else {
    auto a1 = arena.take<T, 4>({n, x.shape[1], x.shape[2], config_.in}, "act(bn1(x))");
    norm_joined(context, bn1_, weights, a1, saved.stats1, in, mode);
    conv_input = saved.a1 = a1;
  }
  auto y1 = arena.take<T, 4>({n, h, w, config_.out}, "conv1 output");
  conv1_.forward<T>(context, weights, y1, conv_input);
  auto a2 = arena.take<T, 4>({n, h, w, config_.out}, "act(bn2(y1))");
  bn2_.forward<T>(context, weights, a2, saved.stats2, y1, mode);
  saved.y1 = y1;
  saved.a2 = a2;

  if (!shortcut_) {
    const bool added = conv2_.forward_join<T>(context, weights, y, a2, x);
    return added ? Residual<T>{y} : Residual<T>{y, x};
  }
  const Arena::Frame frame(arena);
  auto s = arena.take<T, 4>({n, h, w, config_.out}, "shortcut");
  shortcut_->forward<T>(context, weights, s, config_.input == UnitInput::activated ? conv_input : View<const T, 4>(x));
  if (!conv2_.forward_join<T>(context, weights, y, a2, s)) joined<T>(context, {y, s});
  return {y};
}

template <class T>
void WrnUnit::backward(Context& context, const Weights& weights, const Weights& grads, View<T, 4> dx,
                       View<const T, 4> dy, const Saved<T>& saved) const {
  Arena& arena = context.scratch();
  Arena::Frame frame(arena);
  const auto& s = saved.y1.shape;
  auto d2 = arena.take<T, 4>({s[0], s[1], s[2], s[3]}, "gradient inside the unit");
  conv2_.backward_weights<T>(context, grads, dy, saved.a2);
  conv2_.backward_data<T>(context, weights, d2, dy);
  bn2_.backward<T>(context, weights, grads, d2, d2, saved.y1, saved.stats2, saved.mode);

  const bool raw = config_.input == UnitInput::raw;
  conv1_.backward_weights<T>(context, grads, d2, raw ? saved.x : saved.a1);

  if (!shortcut_) {
    conv1_.backward_data<T>(context, weights, dx, d2);
    bn1_.backward<T>(context, weights, grads, dx, dx, saved.x, saved.stats1, saved.mode, dy);
    return;
  }
  auto ds = arena.take<T, 4>({dx.shape[0], dx.shape[1], dx.shape[2], dx.shape[3]}, "gradient of the shortcut");
  const bool activated = config_.input == UnitInput::activated;
  shortcut_->backward_weights<T>(context, grads, dy, activated ? saved.a1 : saved.x);
  shortcut_->backward_data<T>(context, weights, ds, dy);
  if (config_.input == UnitInput::split) {
    conv1_.backward_data<T>(context, weights, dx, d2);
    return bn1_.backward<T>(context, weights, grads, dx, dx, saved.x, saved.stats1, saved.mode, ds);
  }
  if (!conv1_.backward_data_join<T>(context, weights, dx, d2, ds)) add(context, dx.flat(), dx.flat(), ds.flat());
  if (activated) bn1_.backward<T>(context, weights, grads, dx, dx, saved.x, saved.stats1, saved.mode);
}

#define INSTANTIATE(T)                                                                                        \
  template View<const T, 4> joined(Context&, const Residual<T>&);                                             \
  template void norm_joined(Context&, const BatchNormAct&, const Weights&, View<T, 4>, View<float, 2>,        \
                            const Residual<T>&, Mode);                                                        \
  template Residual<T> WrnUnit::forward(Context&, const Weights&, const Residual<T>&, Mode, Saved<T>&) const; \
  template void WrnUnit::backward(Context&, const Weights&, const Weights&, View<T, 4>, View<const T, 4>,     \
                                  const Saved<T>&) const;
INSTANTIATE(float)
INSTANTIATE(bf16)
#undef INSTANTIATE

}  // namespace crc::nn
