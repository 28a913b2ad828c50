#include "crc/dropout_samples.h"

#include "crc/host_loop.h"
#include "kernels/core/random.h"

namespace crc::select {
namespace {

template <int R> std::vector<float> on_host(Context& context, View<const float, R> view) {
  std::vector<float> values(size_t(view.size()));
  context.copy_out(values.data(), view);
  return values;
}

}  // namespace

std::vector<float> dropout_samples(Context& context, View<const float, 2> features, const Head& head, int64_t passes,
                                   double rate, uint32_t seed, int64_t round) {
  const int64_t items = features.shape[0], width = features.shape[1], classes = head.weight.shape[0];
  const std::vector<float> h = on_host(context, features), weight = on_host(context, head.weight),
                           bias = on_host(context, head.bias);
  std::vector<float> samples(size_t(passes * items * classes));
  each_on_host(context, items, [&](int64_t i) {
    Draws draws(seed, Purpose::feature_dropout, i, round);
    std::vector<double> kept(size_t(width), 0);
    for (int64_t s = 0; s < passes; ++s) {
      for (int64_t d = 0; d < width; ++d) {
        const bool drop = double(draws.uniform()) < rate;
        kept[size_t(d)] = drop ? 0 : double(h[size_t(i * width + d)]) / (1 - rate);
      }
      for (int64_t c = 0; c < classes; ++c) {
        double sum = 0;
        for (int64_t d = 0; d < width; ++d) sum += double(weight[size_t(c * width + d)]) * kept[size_t(d)];
        samples[size_t((s * items + i) * classes + c)] = float(sum + (bias.empty() ? 0 : double(bias[size_t(c)])));
      }
    }
  });
  return samples;
}

}  // namespace crc::select
