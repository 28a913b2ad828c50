// FlexMatch (Zhang et al. 2021, "Boosting Semi-Supervised Learning with Curriculum Pseudo Labeling", Eq. 7-11).
// Mask: the largest probability is at least its class's threshold, threshold * b / (2 - b), b the class's count over
// the largest, where an item counts for the class that it was last given with a confidence of the threshold. Target:
// the likeliest class. The counts are those before this batch.
#include "kernels/ops/item_labels.h"
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class FlexMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig&, const PoolSize& pool) const override {
    return {{"item_labels", pool.items, -1.0f}, {"counts", pool.classes}, {"threshold", pool.classes}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.predict();
    const View<float, 1> counts = s.running["counts"];
    curriculum_thresholds(s.context, s.running["threshold"], counts, s.pool.unlabeled, s.config.threshold,
                          s.config.threshold_warmup);
    m.keep_confident();
    const auto before = m.take<float, 1>({batch.unlabeled}, "labels before");  // [M]
    mark_items(s.context, s.running["item_labels"], before, batch.items, m.confidence, m.label, s.config.threshold);
    recount_items(s.context, counts, before, m.label);
    m.learn_labels();
    m.learn();
    m.finish();
  }
};

}  // namespace

const Method& flexmatch() {
  static const FlexMatch method;
  return method;
}

}  // namespace crc::ssl
