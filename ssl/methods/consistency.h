// What the consistency methods (pi_model, mean_teacher) share: passes over [labelled | unlabelled], and the two terms
// of their loss. As in perrying's and Oliver's code both terms are means over all rows, labelled and unlabelled.
#pragma once

#include "kernels/ops/consistency.h"
#include "kernels/ops/reduce.h"
#include "kernels/ops/softmax_ce.h"
#include "ssl/method.h"

namespace crc::ssl {

class ConsistencyStep {
 public:
  ConsistencyStep(const Step& step, const Batch& batch)
      : s_(step), batch_(batch), rows_(batch.labeled + batch.unlabeled) {}

  View<float, 2> take_logits(const char* name) const {
    return s_.context.scratch().take<float, 2>({rows_, s_.net.classes()}, name);
  }
  // A pass over the view that is `place`-th in the batch. saved may be null.
  void forward(View<float, 2> logits, int place, const nn::Weights& weights, Mode mode, nn::Saved* saved) const {
    auto features = s_.context.scratch().take<float, 2>({rows_, s_.net.feature_dim()}, "features");  // [B+M,D]
    s_.net.forward(s_.context, weights, nn::slice(batch_.images, place * rows_, (place + 1) * rows_), mode, features,
                   logits, saved);
  }
  // dlogits of the labelled rows: their cross-entropy.
  void learn_labels(View<float, 2> dlogits, View<const float, 2> logits) const {
    const auto losses = take_losses();
    softmax_ce(s_.context, dlogits.slice(0, batch_.labeled), losses.slice(0, batch_.labeled),
               logits.slice(0, batch_.labeled), batch_.labels, 1.0f / float(rows_));
    record_mean(s_.context, s_.losses, View<const float, 1>(losses), s_.state, kLossLabeled);
  }
  // dlogits of the unlabelled rows: their distance from the target, a constant.
  void follow(View<float, 2> dlogits, View<const float, 2> logits, View<const float, 2> target) const {
    const auto losses = take_losses();
    const View<const float, 1> all_rows{nullptr, {0}, s_.context.device(), "mask"};
    softmax_mse(s_.context, dlogits.slice(batch_.labeled, rows_), losses.slice(batch_.labeled, rows_),
                logits.slice(batch_.labeled, rows_), target.slice(batch_.labeled, rows_), all_rows, s_.state,
                1.0f / float(rows_));
    record_mean(s_.context, s_.losses, View<const float, 1>(losses), s_.state, kLossUnlabeled);
  }
  // A pass of the student, and its gradients: of the labels where `labels`, towards `target` where it is not empty.
  // logits receives the pass's own.
  void learn(View<float, 2> logits, int place, Mode mode, bool labels, View<const float, 2> target) const {
    Arena::Frame frame(s_.context.scratch());
    forward(logits, place, s_.student, mode, &s_.saved);
    const auto dlogits = take_logits("gradient of the logits");
    s_.context.set_zero(dlogits);
    if (labels) learn_labels(dlogits, logits);
    if (target.size() != 0) follow(dlogits, logits, target);
    s_.net.backward(s_.context, s_.student, s_.grads, dlogits, s_.saved);
  }

 private:
  View<float, 1> take_losses() const {
    const auto losses = s_.context.scratch().take<float, 1>({rows_}, "losses");  // [B+M]
    s_.context.set_zero(losses);
    return losses;
  }
  const Step& s_;
  const Batch& batch_;
  int64_t rows_;
};

}  // namespace crc::ssl
