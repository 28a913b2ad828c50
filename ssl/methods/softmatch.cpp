// SoftMatch (Chen et al. 2023, "Addressing the Quantity-Quality Trade-off in Semi-supervised Learning", Eq. 4-9).
// Weight: a truncated Gaussian of the confidence c, exp(-min(c - mean, 0)^2 sigmas^2 / (2 variance)), sigmas = 2,
// whose mean and variance follow those of the batches, from 1/C and 1. c is the largest probability after alignment
// with the uniform distribution. Target: the likeliest class before it.
#include "kernels/ops/running.h"
#include "ssl/methods/alignment.h"

namespace crc::ssl {
namespace {

class SoftMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize& pool) const override {
    std::vector<StateArray> arrays = Alignment(config, Align::uniform).running(pool.classes);
    arrays.push_back({"mean", 1, 1.0f / float(pool.classes)});
    arrays.push_back({"variance", 1, 1.0f});
    return arrays;
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.predict();
    const auto labeled = m.take<float, 2>({batch.labeled, s.net.classes()}, "labelled predictions");  // [B,C]
    const auto aligned = m.take<int32_t, 1>({batch.unlabeled}, "aligned classes");                    // [M]
    softmax(s.context, labeled, m.x);
    Alignment(s.config, Align::uniform).apply(m, labeled);
    top_class(s.context, m.confidence, aligned, m.probabilities);
    const View<float, 1> mean = s.running["mean"], variance = s.running["variance"];
    running_moments(s.context, mean, variance, m.confidence, s.state, RunningConfig{.decay = s.config.running_decay});
    gaussian_weight(s.context, m.weight, m.confidence, mean, variance, s.config.sigmas);
    m.learn_labels();
    m.learn();
    m.finish();
  }
};

}  // namespace

const Method& softmatch() {
  static const SoftMatch method;
  return method;
}

}  // namespace crc::ssl
