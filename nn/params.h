// Parameters of a network in one flat buffer, decayed ones first, so that optimizer, EMA, norms, zeroing and checkpoint
// are one launch or one write. Layers hold references into it and own no memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/tensor.h"

namespace crc::nn {

// How a parameter starts.
enum class Init : uint8_t {
  zeros,
  ones,
  kaiming_fan_out,  // N(0, 2/(k*k*C_out)): He et al. 2015, as all WRN-28-2 ports do for convolutions
  xavier_normal,    // N(0, 2/(in + out)): Glorot & Bengio 2010
  uniform_fan_in,   // U(-1/sqrt(in), 1/sqrt(in)): PyTorch's default for linear layers
};

enum class ParamKind : uint8_t { conv_weight, linear_weight, bias, bn_scale, bn_shift };

struct ParamSpec {
  std::string name;            // kekmodel's name: "block1.layer.0.conv1.weight"
  std::vector<int64_t> shape;  // ours: convolution weights are [K,R,R,C] (PyTorch: [K,C,R,R])
  ParamKind kind;
  Init init;
  bool decayed;
  int64_t offset = 0;  // in floats, into its section (decayed or not)
  int64_t size() const;
};

// A batch normalisation's running mean and variance: [C] each, at mean_offset and mean_offset + C of the buffer.
struct RunningSpec {
  std::string name;  // of the layer: "block1.layer.0.bn1"
  int64_t channels;
  int64_t offset = 0;
};

class ParamLayout {
 public:
  // Both return an index that stays valid. Sections start every slice at a multiple of 128 bytes (vector loads).
  int add(ParamSpec spec);
  int add_running(std::string name, int64_t channels);

  const std::vector<ParamSpec>& params() const { return params_; }
  const std::vector<RunningSpec>& running() const { return running_; }
  int64_t decayed() const { return decayed_; }               // floats in the decayed section, padding included
  int64_t total() const { return decayed_ + not_decayed_; }  // floats in the buffer, padding included
  int64_t running_total() const { return running_total_; }
  int64_t count() const;                  // parameters as the papers count them
  int find(std::string_view name) const;  // error internal: there is none
  int64_t offset(int param) const { return params_[param].offset + (params_[param].decayed ? 0 : decayed_); }

 private:
  std::vector<ParamSpec> params_;
  std::vector<RunningSpec> running_;
  int64_t decayed_ = 0, not_decayed_ = 0, running_total_ = 0;
};

// One set of values for a layout: the student's, the teacher's, the EMA's, the gradients'.
struct Weights {
  View<float, 1> values;   // [layout.total()]
  View<float, 1> running;  // [layout.running_total()], empty for gradients
  // [layout.total()]: values in bf16, for convolutions in bf16; who writes values keeps them so. Empty: these round
  // values themselves, to the same bits.
  View<bf16, 1> rounded = {};

  template <int R> View<float, R> param(const ParamLayout& layout, int index) const {
    return part<R>(values, layout, index);
  }
  template <int R> View<bf16, R> rounded_param(const ParamLayout& layout, int index) const {
    return rounded.size() > 0 ? part<R>(rounded, layout, index) : View<bf16, R>{};
  }
  View<float, 1> running_mean(const ParamLayout& layout, int index) const { return running_part(layout, index, 0); }
  View<float, 1> running_var(const ParamLayout& layout, int index) const { return running_part(layout, index, 1); }

 private:
  template <int R, class T> static View<T, R> part(View<T, 1> all, const ParamLayout& layout, int index) {
    const ParamSpec& spec = layout.params()[index];
    if (int(spec.shape.size()) != R) fail_internal("parameter " + spec.name + " has another rank");
    View<T, R> v{all.data + layout.offset(index), {}, all.device, spec.name.c_str()};
    for (int d = 0; d < R; ++d) v.shape[d] = spec.shape[d];
    return v;
  }
  View<float, 1> running_part(const ParamLayout& layout, int index, int part) const {
    const RunningSpec& spec = layout.running()[index];
    return {running.data + spec.offset + part * spec.channels, {spec.channels}, running.device, spec.name.c_str()};
  }
};

// After values were written by other than an optimizer: rounded again, where they are kept rounded.
void round_weights(Context& context, const Weights& weights);

// Memory for one set of weights.
class WeightBuffers {
 public:
  // `keep_rounded`: values in bf16, too, for a net that trains in bf16.
  WeightBuffers(Context& context, const ParamLayout& layout, const std::string& name, bool keep_rounded = false);
  Weights weights() const {
    return {values_.view<float, 1>(), running_.view<float, 1>(),
            rounded_ ? rounded_->view<bf16, 1>() : View<bf16, 1>{}};
  }

 private:
  Tensor values_, running_;
  std::optional<Tensor> rounded_;
};

}  // namespace crc::nn
