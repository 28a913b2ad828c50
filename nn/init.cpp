#include "nn/init.h"

#include <cmath>

#include "kernels/core/random.h"

namespace crc::nn {
namespace {

// Standard deviation, or half width for the uniform rule.
double scale_of(const ParamSpec& spec) {
  const int64_t out = spec.shape[0];
  const int64_t kernel = spec.shape.size() == 4 ? spec.shape[1] * spec.shape[2] : 1;
  const int64_t in = spec.shape.back();
  switch (spec.init) {
    case Init::kaiming_fan_out:
      return std::sqrt(2.0 / double(kernel * out));
    case Init::xavier_normal:
      return std::sqrt(2.0 / double(kernel * (in + out)));
    case Init::uniform_fan_in:
      return 1.0 / std::sqrt(double(kernel * in));
    default:
      return 0;
  }
}

// One normal per pair of words, of all their bits.
double normal(Draws& draws) {
  const double u = (double(draws.bits()) + 1) * 0x1p-32;  // (0, 1]
  const double v = double(draws.bits()) * 0x1p-32;
  return NormalPair(u, v).x();
}

float initial_value(const ParamSpec& spec, double scale, uint32_t seed, int param, int64_t element) {
  if (spec.init == Init::zeros) return 0;
  if (spec.init == Init::ones) return 1;
  Draws draws(seed, Purpose::init, element, param);
  if (spec.init == Init::uniform_fan_in) return draws.uniform(-float(scale), float(scale));
  return float(scale * normal(draws));
}

}  // namespace

void initialize(Context& context, const ParamLayout& layout, const Weights& weights, uint32_t seed) {
  std::vector<float> values(layout.total(), 0.0f);
  for (int p = 0; p < int(layout.params().size()); ++p) {
    const ParamSpec& spec = layout.params()[p];
    const bool random = spec.init != Init::zeros && spec.init != Init::ones;
    const double scale = random ? scale_of(spec) : 0;
    for (int64_t i = 0; i < spec.size(); ++i) values[layout.offset(p) + i] = initial_value(spec, scale, seed, p, i);
  }
  std::vector<float> running(layout.running_total(), 0.0f);
  for (const RunningSpec& spec : layout.running())
    for (int64_t c = 0; c < spec.channels; ++c) running[spec.offset + spec.channels + c] = 1;
  context.copy_in(weights.values, values.data());
  context.copy_in(weights.running, running.data());
  round_weights(context, weights);
}

}  // namespace crc::nn
