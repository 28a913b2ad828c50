#include "ssl/methods/matching.h"

namespace crc::ssl {

void record_losses(const TrainingStep& s, const Batch& batch, View<const float, 1> losses_x,
                   View<const float, 1> losses_u, View<const float, 1> weight, View<const int32_t, 1> label) {
  record_mean(s.context, s.losses, losses_x, s.state, kLossLabeled);
  record_mean(s.context, s.losses, losses_u, s.state, kLossUnlabeled);
  record_mean(s.context, s.losses, weight, s.state, kMaskRate);
  if (batch.truth.size() == 0) return;
  Arena& arena = s.context.scratch();
  auto known = arena.take<float, 1>({weight.size()}, "known"), right = arena.take<float, 1>({weight.size()}, "right");
  judge_pseudo(s.context, known, right, weight, label, batch.truth);
  record_mean(s.context, s.losses, known, s.state, kPseudoKnown);
  record_mean(s.context, s.losses, right, s.state, kPseudoRight);
  tally_pseudo(s.context, s.tally, weight, label, batch.truth, s.state, s.config.steps_per_epoch);
}

Matching::Matching(const TrainingStep& s, const Batch& of, int64_t labeled_views)
    : step(s), batch(of), context(s.context), running(s.running), config(s.config) {
  const int64_t b = batch.labeled * labeled_views, m = batch.unlabeled, n = b + 2 * m, classes = s.net.classes();
  if (s.net.projection()) features = take<float, 2>({n, s.net.feature_dim()}, "features");
  logits = take<float, 2>({n, classes}, "logits");
  gradient = take<float, 2>({n, classes}, "gradient of the logits");
  losses_x = take<float, 1>({b}, "labelled losses");
  losses_u = take<float, 1>({m}, "unlabelled losses");
  confidence = take<float, 1>({m}, "confidence");
  weight = take<float, 1>({m}, "weights");
  label = take<int32_t, 1>({m}, "pseudo-labels");
  x = logits.slice(0, batch.labeled);
  dx = gradient.slice(0, batch.labeled);
  weak = logits.slice(b, b + m);
  strong = logits.slice(b + m, n);
  dstrong = gradient.slice(b + m, n);
  s.passes.forward(context, {.begin = 0, .end = n, .kept = 0}, logits, features);
  context.set_zero(gradient);
}

void Matching::predict() {
  probabilities = take<float, 2>({batch.unlabeled, step.net.classes()}, "probabilities");
  softmax(context, probabilities, weak);
  choose();
}

void Matching::learn_labels() { step.label_loss(context, dx, losses_x, x, batch.labels, 1.0f / float(batch.labeled)); }

void Matching::learn() { label_ce(context, dstrong, losses_u, strong, label, weight, step.state, mean()); }

void Matching::learn(View<const float, 2> target) {
  target_ce(context, dstrong, losses_u, strong, target, weight, step.state, mean());
}

void Matching::finish(View<const float, 2> dfeatures) {
  record_losses(step, batch, losses_x, losses_u, weight, label);
  step.passes.backward(context, 0, gradient, dfeatures);
}

}  // namespace crc::ssl
