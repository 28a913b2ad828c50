// AdaMatch (Berthelot et al. 2022, "A Unified Approach to Semi-Supervised Learning and Domain Adaptation", Eq. 1-5),
// on one domain. Predictions are aligned with those of the labelled images. Mask: the largest aligned probability is
// at least threshold (0.9) * the labelled images' mean confidence. Target: the likeliest aligned class. Labels are
// learnt by interpolated logits; w(t) rises as (1 - cos(pi min(1, 2t/K))) / 2 (ssl.ramp_shape, ssl.ramp_share). The
// paper's labelled images have a strong view too; here, as in USB, they have the weak one alone.
#include "ssl/methods/alignment.h"
#include "ssl/methods/interpolation.h"

namespace crc::ssl {
namespace {

class AdaMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize& pool) const override {
    std::vector<StateArray> arrays = Alignment(config, Align::predicted).running(pool.classes);
    arrays.push_back({"threshold", 1, config.threshold});
    return arrays;
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    std::optional<InterpolatedLabels> mixed;
    if (s.config.interpolate) mixed.emplace(m);
    const auto labeled = m.take<float, 2>({batch.labeled, s.net.classes()}, "labelled predictions");  // [B,C]
    const auto sure = m.take<float, 1>({batch.labeled}, "labelled confidence");                       // [B]
    const auto likeliest = m.take<int32_t, 1>({batch.labeled}, "likeliest classes");                  // [B]
    softmax(s.context, labeled, mixed ? mixed->logits() : m.x);
    top_class(s.context, sure, likeliest, labeled);
    mean_threshold(s.context, s.running["threshold"], sure, s.config.threshold);
    m.predict();
    Alignment(s.config, Align::predicted).apply(m, labeled);
    m.choose();
    m.keep_confident();
    if (mixed)
      mixed->learn();
    else
      m.learn_labels();
    m.learn();
    m.finish();
  }
};

}  // namespace

const Method& adamatch() {
  static const AdaMatch method;
  return method;
}

}  // namespace crc::ssl
