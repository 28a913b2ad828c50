// Dash (Xu et al. 2021, "Semi-Supervised Learning with Dynamic Thresholding", Algorithm 1). Mask: the weak view's
// loss H(q, softmax(weak)), q = softmax(weak / T), is at most rho (kernels/ops/dash.h), which falls from the
// labelled loss at the end of a warm-up on the labels alone. Target: q, and once rho is at its least the likeliest
// class. The labelled loss is a running mean, decay 0.9, of the warm-up's batches; USB takes the loss on its test
// set instead, and starts the schedules anew after the warm-up.
#include "kernels/ops/dash.h"

#include "kernels/ops/gather.h"
#include "kernels/ops/running.h"
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class Dash : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig&, const PoolSize&) const override {
    return {{"rho", 1}, {"threshold", 1}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.predict();
    m.learn_labels();
    DashConfig dash = s.config.dash;
    dash.temperature = s.config.temperature;
    running_mean(s.context, s.running["rho"], column(m.losses_x), s.state,
                 RunningConfig{.decay = 0.9f, .first_replaces = true, .until = dash.warmup});
    const auto target = m.take<float, 2>({batch.unlabeled, s.net.classes()}, "targets");  // [M,C]
    dash_targets(s.context, m.weight, target, s.running["threshold"], m.weak, s.running["rho"], s.state, dash);
    m.learn(target);
    m.finish();
  }
};

}  // namespace

const Method& dash() {
  static const Dash method;
  return method;
}

}  // namespace crc::ssl
