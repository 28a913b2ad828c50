// ReFixMatch (Nguyen 2023, "Boosting Semi-Supervised Learning by bridging high and low-confidence predictions").
// FixMatch's mask and target; and what the mask leaves out learns too: KL(target || softmax(strong / T)), T = 0.5,
// whose target is softmax(p / T) of the weak view's probabilities p, as the author's code in USB has it.
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class ReFixMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize&) const override {
    return {{"threshold", 1, config.threshold}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.predict();
    m.keep_confident();
    m.learn_labels();
    m.learn();
    const auto target = m.take<float, 2>({batch.unlabeled, s.net.classes()}, "targets");  // [M,C]
    sharpen(s.context, target, m.probabilities, s.config.temperature);
    TargetCeConfig rest = m.mean();
    rest.temperature = s.config.temperature;
    rest.divergence = rest.rest = rest.adds = true;
    target_ce(s.context, m.dstrong, m.losses_u, m.strong, target, m.weight, s.state, rest);
    m.finish();
  }
};

}  // namespace

const Method& refixmatch() {
  static const ReFixMatch method;
  return method;
}

}  // namespace crc::ssl
