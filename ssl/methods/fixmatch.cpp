// FixMatch (Sohn et al. 2020): loss = CE(labelled) + lambda_u * mean over the unlabelled of mask * CE(strong, pseudo).
// One forward pass over [labelled | weak | strong], so batch normalisation is joint and the gradient reaches the weak
// images through it, although their logits are constants.
#include "kernels/ops/judge_pseudo.h"
#include "kernels/ops/reduce.h"
#include "kernels/ops/softmax_ce.h"
#include "ssl/method.h"

namespace crc::ssl {
namespace {

class FixMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override {
    using enum BatchView::Items;
    static constexpr BatchView kViews[] = {{labeled, Purpose::labeled_augment},
                                           {unlabeled, Purpose::weak_augment},
                                           {unlabeled, Purpose::strong_augment, /*strong=*/true}};
    return kViews;
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Arena& arena = s.context.scratch();
    const int64_t b = batch.labeled, m = batch.unlabeled, n = b + 2 * m;
    auto features = arena.take<float, 2>({n, s.net.feature_dim()}, "features");  // [B+2M,D]
    auto logits = arena.take<float, 2>({n, s.net.classes()}, "logits");          // [B+2M,C]
    auto losses_x = arena.take<float, 1>({b}, "labelled losses");                // [B]
    auto losses_u = arena.take<float, 1>({m}, "unlabelled losses");              // [M]
    auto mask = arena.take<float, 1>({m}, "mask");                               // [M]
    auto pseudo = arena.take<int32_t, 1>({m}, "pseudo-labels");                  // [M]
    s.net.forward(s.context, s.student, batch.images, Mode::train, features, logits, s.saved[0]);

    // The gradients of the logits replace them, part by part; the weak part comes last, because the strong part reads
    // it.
    const auto x = logits.slice(0, b), weak = logits.slice(b, b + m), strong = logits.slice(b + m, n);
    softmax_ce(s.context, x, losses_x, x, batch.labels, 1.0f / float(b));
    confident_ce(s.context, strong, losses_u, mask, pseudo, weak, strong,
                 ConfidentCeConfig{.threshold = s.config.threshold,
                                   .temperature = s.config.temperature,
                                   .scale = s.config.lambda_u / float(m)});
    s.context.set_zero(weak);
    record_mean(s.context, s.losses, losses_x, s.state, kLossLabeled);
    record_mean(s.context, s.losses, losses_u, s.state, kLossUnlabeled);
    record_mean(s.context, s.losses, mask, s.state, kMaskRate);
    if (batch.truth.size() != 0) {
      auto known = arena.take<float, 1>({m}, "known"), right = arena.take<float, 1>({m}, "right");  // [M] each
      judge_pseudo(s.context, known, right, mask, pseudo, batch.truth);
      record_mean(s.context, s.losses, known, s.state, kPseudoKnown);
      record_mean(s.context, s.losses, right, s.state, kPseudoRight);
    }
    s.net.backward(s.context, s.student, s.grads, logits, *s.saved[0]);
  }
};

}  // namespace

const Method& fixmatch() {
  static const FixMatch method;
  return method;
}

}  // namespace crc::ssl
