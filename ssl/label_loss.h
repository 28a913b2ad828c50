// The loss of labelled images, one for all methods: cross-entropy; and where the configuration says that classes are
// not equally frequent, of adjusted logits (TrainConfig::logit_adjustment) or weighted (class_weights).
#pragma once

#include <vector>

#include "kernels/core/tensor.h"
#include "ssl/config.h"

namespace crc::ssl {

// Both take counts [C], the labelled items of each class; a class without one counts as one with one.
// tau * log of the classes' shares (Menon et al. 2021, "Long-tail learning via logit adjustment", Eq. 9 and 10).
std::vector<float> logit_shift(const std::vector<int64_t>& counts, double tau);
// inverse: in proportion to 1 / n; effective: to (1 - beta) / (1 - beta^n), one over the effective number of samples
// (Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples", Proposition 1). Their mean is 1.
std::vector<float> class_weights(const std::vector<int64_t>& counts, ClassWeights rule, double beta);

class LabelLoss {
 public:
  LabelLoss(Context& context, const TrainConfig& config, const std::vector<int64_t>& counts);

  // losses [N] of logits [N,C] and labels [N], dlogits [N,C] = scale * their gradient; it may alias logits.
  void operator()(Context& context, View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits,
                  View<const int32_t, 1> labels, float scale) const;

 private:
  Tensor shift_, weight_;  // [C], or empty
};

}  // namespace crc::ssl
