// Expected gradient length of the last linear layer: egl in closed form. The gradient for label y is (p - e_y) (h,1)^T,
// so that the expected squared norm is (|h|^2 + 1) sum_c p_c (1 - p_c).
#include "crc/uncertainty.h"

namespace crc::select {

Selection select_egl_last(Context& context, const Problem& problem, const Config& config) {
  const Fp32Features features = read_features(context, problem.features, config.name, {problem.unlabeled});
  const Logits logits = read_logits(context, problem, config);
  std::vector<double> scores;
  for (int64_t item : problem.unlabeled) {
    double length = 0, spread = 0;
    for (float h : features[item]) length += double(h) * double(h);
    for (double p : softmax(logits[item])) spread += p * (1 - p);
    scores.push_back((features.square(length) + 1) * spread);
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
