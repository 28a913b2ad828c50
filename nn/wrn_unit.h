// The residual unit of a wide residual network: the place where fusion is decided. Today the plain chain of ops, which
// stays as the oracle of any fused schedule behind this interface.
//   y = conv2(act(bn2(conv1(a)))) + shortcut,   a = act(bn1(x)) or x, by the unit's input rule
#pragma once

#include <optional>

#include "nn/layers/batchnorm_act.h"
#include "nn/layers/conv2d.h"

namespace crc::nn {

// What feeds conv1 and the shortcut of a unit. The reference codes that all say "WRN-28-2" differ exactly here.
enum class UnitInput : uint8_t {
  identity,   // equal channels: conv1 reads act(bn1(x)), the shortcut is x itself
  activated,  // conv1 and the 1x1 shortcut both read act(bn1(x))
  raw,        // both read x; bn1 only moves its statistics
  split,      // conv1 reads act(bn1(x)), the 1x1 shortcut reads x (He et al. 2016, pre-activation)
};

// What flows from unit to unit: value = x + plus, where plus (if any) is not added yet: whoever reads the value first does
// that on the way, into x.
template <class T> struct Residual {
  View<T, 4> x;
  View<const T, 4> plus = {};

  bool open() const { return plus.size() > 0; }
};
// The value, added where nothing else can do it on the way.
template <class T> View<const T, 4> joined(Context& context, const Residual<T>& residual);
// y = act(norm(value)); afterwards residual.x is the value.
template <class T>
void norm_joined(Context& context, const BatchNormAct& norm, const Weights& weights, View<T, 4> y, View<float, 2> saved,
                 const Residual<T>& residual, Mode mode);

class WrnUnit {
 public:
  struct Config {
    int64_t in, out, stride;
    UnitInput input;
    BatchNormConfig norm;
    bool conv_bias = false;
    bool tf32 = false, tf32x3 = false;
  };
  // What backward needs: a1 is empty when nothing read it.
  template <class T> struct Saved {
    View<const T, 4> x, a1, y1, a2;
    View<float, 2> stats1, stats2;
    Mode mode;
  };

  WrnUnit(ParamLayout& layout, const std::string& name, Config config);

  int64_t out_channels() const { return config_.out; }
  int64_t out_extent(int64_t extent) const { return conv1_.out_extent(extent); }

  // Appends the unit's evaluation pass to the program; returns its output value.
  int append(Program& program, int x) const;
  // [N,H,W,in] -> [N,H',W',out], in scratch memory of the caller's frame; of an identity unit the sum is left open.
  template <class T>
  Residual<T> forward(Context& context, const Weights& weights, const Residual<T>& in, Mode mode,
                      Saved<T>& saved) const;
  // dx [N,H,W,in] = ; grads +=.
  template <class T>
  void backward(Context& context, const Weights& weights, const Weights& grads, View<T, 4> dx, View<const T, 4> dy,
                const Saved<T>& saved) const;

 private:
  Config config_;
  BatchNormAct bn1_;
  Conv2d conv1_;
  BatchNormAct bn2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
};

}  // namespace crc::nn
