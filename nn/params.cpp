#include "nn/params.h"

#include "kernels/ops/round.h"

namespace crc::nn {
namespace {
constexpr int64_t kSliceFloats = 32;         // 128 bytes
constexpr int64_t kMost = int64_t(1) << 40;  // far beyond any memory, and sizes in bytes stay far from 2^63
int64_t padded(int64_t floats) { return (floats + kSliceFloats - 1) / kSliceFloats * kSliceFloats; }
}  // namespace

int64_t ParamSpec::size() const {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

int ParamLayout::add(ParamSpec spec) {
  int64_t& section = spec.decayed ? decayed_ : not_decayed_;
  spec.offset = section;
  const int64_t before = section;
  if (__builtin_add_overflow(before, padded(spec.size()), &section) || section > kMost)
    fail(ExitCode::config, "the network would have more than " + std::to_string(kMost) +
                               " parameters; check model.depth, model.width and model.base_channels");
  params_.push_back(std::move(spec));
  return int(params_.size()) - 1;
}

int ParamLayout::add_running(std::string name, int64_t channels) {
  running_.push_back({std::move(name), channels, running_total_});
  running_total_ += padded(2 * channels);
  return int(running_.size()) - 1;
}

int ParamLayout::find(std::string_view name) const {
  for (size_t p = 0; p < params_.size(); ++p)
    if (params_[p].name == name) return int(p);
  fail_internal("the network has no parameter '" + std::string(name) + "'");
}

int64_t ParamLayout::count() const {
  int64_t n = 0;
  for (const ParamSpec& spec : params_) n += spec.size();
  return n;
}

void round_weights(Context& context, const Weights& weights) {
  if (weights.rounded.size() > 0) round_values(context, weights.rounded, weights.values);
}

WeightBuffers::WeightBuffers(Context& context, const ParamLayout& layout, const std::string& name, bool keep_rounded)
    : values_(context, {layout.total()}, Dtype::f32, name),
      running_(context, {layout.running_total()}, Dtype::f32, name + " running statistics") {
  if (keep_rounded) rounded_.emplace(context, std::vector{layout.total()}, Dtype::bf16, name + " in bf16");
}

}  // namespace crc::nn
