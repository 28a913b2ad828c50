// DeFixMatch (Schmutz, Humbert & Mattei 2023, "Don't fear the unlabelled: safe semi-supervised learning via
// debiasing", Eq. 6). FixMatch's mask and target, and the same loss on the labelled images taken off again, so that
// its expectation is that of the supervised loss: CE(labelled, both views) + w (L(unlabelled) - L(labelled)), w =
// 0.5.
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class DeFixMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override {
    using enum BatchView::Items;
    static constexpr BatchView kViews[] = {{labeled, Purpose::labeled_augment},
                                           {labeled, Purpose::consistency_augment, /*strong=*/true},
                                           {unlabeled, Purpose::weak_augment},
                                           {unlabeled, Purpose::strong_augment, /*strong=*/true}};
    return kViews;
  }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize&) const override {
    return {{"threshold", 1, config.threshold}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    const int64_t b = batch.labeled, classes = s.net.classes();
    Matching m(s, batch, /*labeled_views=*/2);
    m.predict();
    m.keep_confident();
    const auto strong = m.logits.slice(b, 2 * b), dstrong = m.gradient.slice(b, 2 * b);          // [B,C]
    const auto p = m.take<float, 2>({b, classes}, "labelled predictions");                       // [B,C]
    const auto again = m.take<float, 1>({b}, "losses"), weight = m.take<float, 1>({b}, "mask");  // [B]
    const auto sure = m.take<float, 1>({b}, "labelled confidence");                              // [B]
    const auto label = m.take<int32_t, 1>({b}, "likeliest classes");                             // [B]
    s.label_loss(s.context, m.dx, m.losses_x.slice(0, b), m.x, batch.labels, 0.5f / float(b));
    s.label_loss(s.context, dstrong, m.losses_x.slice(b, 2 * b), strong, batch.labels, 0.5f / float(b));
    softmax(s.context, p, m.x);
    top_class(s.context, sure, label, p);
    keep_above(s.context, weight, sure, label, s.running["threshold"]);
    s.context.set_zero(again);
    label_ce(s.context, dstrong, again, strong, label, weight, s.state,
             TargetCeConfig{.scale = -1.0f / float(b), .adds = true});
    m.learn();
    m.finish();
  }
};

}  // namespace

const Method& defixmatch() {
  static const DeFixMatch method;
  return method;
}

}  // namespace crc::ssl
