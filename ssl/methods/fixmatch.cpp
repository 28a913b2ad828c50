// FixMatch (Sohn et al. 2020): loss = CE(labelled) + lambda_u * mean over the unlabelled of mask * CE(strong, pseudo).
// Mask: the weak view's largest probability is at least the threshold; target: its class. Both and the loss in one op.
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class FixMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.learn_labels();
    confident_ce(s.context, m.dstrong, m.losses_u, m.weight, m.label, m.weak, m.strong,
                 ConfidentCeConfig{.threshold = s.config.threshold,
                                   .temperature = s.config.temperature,
                                   .scale = s.config.lambda_u / float(batch.unlabeled)});
    m.finish();
  }
};

}  // namespace

const Method& fixmatch() {
  static const FixMatch method;
  return method;
}

}  // namespace crc::ssl
