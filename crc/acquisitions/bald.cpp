// BALD (Houlsby et al. 2011; for networks Gal, Islam & Ghahramani 2017): the information that an item's label gives
// about the model, of which the S passes are draws,
//   I(y; w | x) = H(1/S sum_s p_s) - 1/S sum_s H(p_s),   p_s = softmax(samples[s,x]).
// In multiples of 2^-32, so that items on which all passes agree tie at 0 whatever the rounding of a mean.
#include <algorithm>

#include "crc/host_loop.h"
#include "crc/samples.h"
#include "crc/uncertainty.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {

Selection select_bald(Context& context, const Problem& problem, const Config& config) {
  const Samples samples = read_samples(context, problem, config);
  std::vector<double> scores(problem.unlabeled.size());
  each_on_host(context, int64_t(scores.size()), [&](int64_t k) {
    const std::vector<double> p = samples.probabilities(problem.unlabeled[size_t(k)]);
    std::vector<double> mean(size_t(samples.classes), 0);
    for (size_t e = 0; e < p.size(); ++e) mean[e % mean.size()] += p[e];
    for (double& q : mean) q /= double(samples.passes);
    scores[size_t(k)] = std::max(0.0, in_steps(entropy(mean) - mean_entropy(p, samples.classes)));
  });
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
