// Random logit interpolation (Berthelot et al. 2022, AdaMatch, section 3.2) as a part: the labelled images pass the
// network a second time, alone, without moving its statistics; what learns is a random mixture, element by element, of
// both passes' logits. The gradient goes back through both.
#pragma once

#include "kernels/ops/mix_logits.h"
#include "ssl/methods/matching.h"

namespace crc::ssl {

class InterpolatedLabels {
 public:
  explicit InterpolatedLabels(Matching& m) : m_(m), rows_(m.batch.labeled) {
    const int64_t classes = m.step.net.classes();
    alone_ = m.take<float, 2>({rows_, classes}, "logits alone");
    mixed_ = m.take<float, 2>({rows_, classes}, "mixed logits");
    m.step.passes.forward(m.context, {.begin = 0, .end = rows_, .mode = Mode::train_frozen_stats, .kept = 1}, alone_);
    mix_logits(m.context, mixed_, m.x, alone_, m.step.state, m.config.seed);
  }
  View<const float, 2> logits() const { return mixed_; }

  // Instead of m.learn_labels(), and the second pass's share of m.finish().
  void learn() {
    const auto dmixed = m_.take<float, 2>({rows_, m_.step.net.classes()}, "gradient of the mixed logits");
    m_.step.label_loss(m_.context, dmixed, m_.losses_x, mixed_, m_.batch.labels, 1.0f / float(rows_));
    split_gradient(m_.context, m_.dx, alone_, dmixed, m_.step.state, m_.config.seed);
    m_.step.passes.backward(m_.context, 1, alone_);
  }

 private:
  Matching& m_;
  int64_t rows_;
  View<float, 2> alone_, mixed_;
};

}  // namespace crc::ssl
