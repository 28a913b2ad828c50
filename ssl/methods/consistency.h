// What the consistency methods (pi_model, mean_teacher) share: passes over [labelled | unlabelled], and the two terms
// of their loss. As in perrying's and Oliver's code both terms are means over all rows, labelled and unlabelled.
#pragma once

#include <memory>
#include <vector>

#include "kernels/ops/consistency.h"
#include "kernels/ops/reduce.h"
#include "kernels/ops/softmax_ce.h"
#include "ssl/method.h"

namespace crc::ssl {

// Of a Pass what its rows do not say.
struct ViewPass {
  bool average = false;
  Mode mode = Mode::train;
  int kept = -1;
};

class ConsistencyStep {
 public:
  ConsistencyStep(const TrainingStep& step, const Batch& batch)
      : s_(step), batch_(batch), rows_(batch.labeled + batch.unlabeled) {}

  // Pass i looks at the batch's view i; their statistics are their own, so they run side by side. Returns the logits of
  // each [B+M,C], in scratch memory of the branch that it ran on.
  // What a pass took there is given back with this object.
  std::vector<View<float, 2>> forward(const std::vector<ViewPass>& passes) {
    std::vector<View<float, 2>> logits(passes.size());
    s_.context.side_by_side(int(passes.size()), [&](int i, Context& context) {
      Arena& arena = context.scratch();
      frames_.push_back(std::make_unique<Arena::Frame>(arena));
      logits[size_t(i)] = arena.take<float, 2>({rows_, s_.net.classes()}, "logits");  // [B+M,C]
      const ViewPass& pass = passes[size_t(i)];
      s_.passes.forward(context, {i * rows_, (i + 1) * rows_, pass.average, pass.mode, pass.kept}, logits[size_t(i)]);
    });
    return logits;
  }

  // Gradients of a student's pass that was kept: of the labels where `labels`, towards `target` where it is not empty.
  void learn(View<const float, 2> logits, int kept, bool labels, View<const float, 2> target) const {
    Arena::Frame frame(s_.context.scratch());
    const auto dlogits = s_.context.scratch().take<float, 2>({rows_, s_.net.classes()}, "gradient of the logits");
    s_.context.set_zero(dlogits);
    if (labels) learn_labels(dlogits, logits);
    if (target.size() != 0) follow(dlogits, logits, target);
    s_.passes.backward(s_.context, kept, dlogits);
  }

 private:
  // dlogits of the labelled rows: their cross-entropy.
  void learn_labels(View<float, 2> dlogits, View<const float, 2> logits) const {
    const auto losses = take_losses();
    s_.label_loss(s_.context, dlogits.slice(0, batch_.labeled), losses.slice(0, batch_.labeled),
                  logits.slice(0, batch_.labeled), batch_.labels, 1.0f / float(rows_));
    record_mean(s_.context, s_.losses, losses, s_.state, kLossLabeled);
  }
  // dlogits of the unlabelled rows: their distance from the target, a constant.
  void follow(View<float, 2> dlogits, View<const float, 2> logits, View<const float, 2> target) const {
    const auto losses = take_losses();
    const View<const float, 1> all_rows{nullptr, {0}, s_.context.device(), "mask"};
    softmax_mse(s_.context, dlogits.slice(batch_.labeled, rows_), losses.slice(batch_.labeled, rows_),
                logits.slice(batch_.labeled, rows_), target.slice(batch_.labeled, rows_), all_rows, s_.state,
                1.0f / float(rows_));
    record_mean(s_.context, s_.losses, losses, s_.state, kLossUnlabeled);
  }
  View<float, 1> take_losses() const {
    const auto losses = s_.context.scratch().take<float, 1>({rows_}, "losses");  // [B+M]
    s_.context.set_zero(losses);
    return losses;
  }

  const TrainingStep& s_;
  const Batch& batch_;
  int64_t rows_;
  std::vector<std::unique_ptr<Arena::Frame>> frames_;
};

}  // namespace crc::ssl
