// Pseudo-Label (Lee 2013, "The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", Eq.
// 15-16). Mask: the largest probability is at least the threshold (TorchSSL, USB; the paper has none: threshold =
// 0). Target: the likeliest class, for the same view. Two passes, of which the unlabelled one leaves the network's
// statistics alone, as in those codes; the weight rises linearly (ssl.ramp_shape, ssl.ramp_share).
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class PseudoLabel : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override {
    using enum BatchView::Items;
    static constexpr BatchView kViews[] = {{labeled, Purpose::labeled_augment}, {unlabeled, Purpose::weak_augment}};
    return kViews;
  }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize&) const override {
    return {{"threshold", 1, config.threshold}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    const int64_t b = batch.labeled, m = batch.unlabeled, classes = s.net.classes();
    Arena& arena = s.context.scratch();
    const auto logits = arena.take<float, 2>({b + m, classes}, "logits");  // [B+M,C]
    const auto losses_x = arena.take<float, 1>({b}, "labelled losses");    // [B]
    const auto losses_u = arena.take<float, 1>({m}, "unlabelled losses");  // [M]
    const auto confidence = arena.take<float, 1>({m}, "confidence"), weight = arena.take<float, 1>({m}, "mask");
    const auto label = arena.take<int32_t, 1>({m}, "pseudo-labels");     // [M]
    const auto p = arena.take<float, 2>({m, classes}, "probabilities");  // [M,C]
    const auto x = logits.slice(0, b), u = logits.slice(b, b + m);       // their gradients replace them
    s.passes.forward(s.context, {.begin = 0, .end = b, .kept = 0}, x);
    s.passes.forward(s.context, {.begin = b, .end = b + m, .mode = Mode::train_frozen_stats, .kept = 1}, u);
    s.label_loss(s.context, x, losses_x, x, batch.labels, 1.0f / float(b));
    softmax(s.context, p, u);
    top_class(s.context, confidence, label, p);
    keep_above(s.context, weight, confidence, label, s.running["threshold"]);
    label_ce(s.context, u, losses_u, u, label, weight, s.state, TargetCeConfig{.scale = 1.0f / float(m)});
    record_losses(s, batch, losses_x, losses_u, weight, label);
    s.passes.backward(s.context, 0, x);
    s.passes.backward(s.context, 1, u);
  }
};

}  // namespace

const Method& pseudo_label() {
  static const PseudoLabel method;
  return method;
}

}  // namespace crc::ssl
