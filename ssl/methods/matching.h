// The frame of the methods since UDA: one pass over [labelled | weak | strong], so batch normalisation is joint and the
// gradient reaches the weak images through it, although their logits are constants. The loss is
//   CE(labelled) + w(t) * mean over the unlabelled of weight * CE(strong, target),  w = state.consistency_weight.
// A method says weight and target between predict() and learn(); `label` is the target unless it gives a distribution.
#pragma once

#include "kernels/ops/judge_pseudo.h"
#include "kernels/ops/pseudo_label.h"
#include "kernels/ops/pseudo_weight.h"
#include "kernels/ops/reduce.h"
#include "kernels/ops/softmax_ce.h"
#include "kernels/ops/tally_pseudo.h"
#include "kernels/ops/target_ce.h"
#include "ssl/method.h"

namespace crc::ssl {

inline std::span<const BatchView> matching_views() {
  using enum BatchView::Items;
  static constexpr BatchView kViews[] = {{labeled, Purpose::labeled_augment},
                                         {unlabeled, Purpose::weak_augment},
                                         {unlabeled, Purpose::strong_augment, /*strong=*/true}};
  return kViews;
}

// Leaves the step's losses, and what its pseudo-labels are worth, in the ring.
void record_losses(const TrainingStep& step, const Batch& batch, View<const float, 1> losses_x,
                   View<const float, 1> losses_u, View<const float, 1> weight, View<const int32_t, 1> label);

class Matching {
 public:
  // Forward. labeled_views: of the labelled images, all of which come first in the batch.
  Matching(const TrainingStep& step, const Batch& batch, int64_t labeled_views = 1);

  // probabilities = softmax(weak), and the likeliest class of each row with its confidence.
  void predict();
  void choose() { top_class(context, confidence, label, probabilities); }  // again, of changed probabilities
  void keep_confident() { keep_above(context, weight, confidence, label, running["threshold"]); }
  void learn_labels();
  void learn();                             // the strong views from `label`
  void learn(View<const float, 2> target);  // or from target [M,C]
  // Records, judges, backward. dfeatures [B+2M,D], or empty: what the loss is by the features besides.
  void finish(View<const float, 2> dfeatures = {});

  template <class T, int R> View<T, R> take(const int64_t (&shape)[R], const char* name) const {
    return context.scratch().take<T, R>(shape, name);
  }
  TargetCeConfig mean() const { return {.scale = 1.0f / float(batch.unlabeled)}; }

  const TrainingStep& step;
  const Batch& batch;
  Context& context;
  const MethodState& running;
  const TrainConfig& config;
  View<float, 2> features;            // [B+2M,D] for a projection head; else empty
  View<float, 2> logits, gradient;    // [B+2M,C]: of all views, and what the loss is by them
  View<float, 2> x, weak, strong;     // logits [B,C], [M,C], [M,C]
  View<float, 2> dx, dstrong;         // their gradients
  View<float, 2> probabilities;       // [M,C]; after predict()
  View<float, 1> losses_x, losses_u;  // [labelled views * B], [M]
  View<float, 1> confidence, weight;  // [M]
  View<int32_t, 1> label;             // [M]
};

}  // namespace crc::ssl
