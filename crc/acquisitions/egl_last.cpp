// Expected gradient length of the last linear layer: egl in closed form. The gradient for label y is (p - e_y) (h,1)^T,
// so that the expected squared norm is (|h|^2 + 1) sum_c p_c (1 - p_c).
#include "crc/pool_blocks.h"
#include "crc/uncertainty.h"

namespace crc::select {
namespace {

double squared_length(std::span<const float> row) {
  double length = 0;
  for (float h : row) length += double(h) * double(h);
  return length;
}

// |h|^2 of the unlabelled items.
std::vector<double> squared_lengths(Context& context, const Problem& problem, const Config& config) {
  std::vector<double> lengths;
  if (!problem.shards) {
    const Fp32Features features = read_features(context, problem.features, config.name, {problem.unlabeled});
    for (int64_t item : problem.unlabeled) lengths.push_back(features.square(squared_length(features[item])));
    return lengths;
  }
  const PoolBlocks pool(context, without_labels(problem), config);
  pool.each([&](int64_t, View<const float, 2> rows) {
    std::vector<float> host(size_t(rows.size()));
    context.copy_out(host.data(), rows);
    for (int64_t k = 0; k < rows.shape[0]; ++k)
      lengths.push_back(
          pool.square(squared_length(std::span(host).subspan(size_t(k * pool.width()), size_t(pool.width())))));
  });
  return pool.ranks().gather(std::span<const double>(lengths));
}

}  // namespace

Selection select_egl_last(Context& context, const Problem& problem, const Config& config) {
  std::vector<double> scores = squared_lengths(context, problem, config);
  const std::vector<double> spreads =
      from_logits(context, problem, config, problem.unlabeled, [](std::vector<double> row) {
        double spread = 0;
        for (double p : softmax(std::move(row))) spread += p * (1 - p);
        return spread;
      });
  for (size_t k = 0; k < scores.size(); ++k) scores[k] = (scores[k] + 1) * spreads[k];
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
