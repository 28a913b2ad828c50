// Pi-model (Laine & Aila 2017): loss = CE + w(t) * |softmax(pass over one view) - softmax(pass over another)|^2, one of
// the two a constant. perrying: the first pass learns the labels and is the target of the second, which does not move
// the statistics. Oliver (config.shared_pass): the first pass learns both, the second is only the target.
#include "ssl/methods/consistency.h"

namespace crc::ssl {
namespace {

class PiModel : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override {
    using enum BatchView::Items;
    static constexpr BatchView kViews[] = {{both, Purpose::weak_augment}, {both, Purpose::consistency_augment}};
    return kViews;
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    ConsistencyStep step(s, batch);
    const bool shared = s.config.shared_pass;
    const auto logits = step.forward({{.kept = 0}, {.mode = Mode::train_frozen_stats, .kept = shared ? -1 : 1}});
    const View<const float, 2> none{nullptr, {0, 0}, s.context.device(), "no target"};
    step.learn(logits[0], 0, /*labels=*/true, shared ? logits[1] : none);
    if (!shared) step.learn(logits[1], 1, /*labels=*/false, logits[0]);
  }
};

}  // namespace

const Method& pi_model() {
  static const PiModel method;
  return method;
}

}  // namespace crc::ssl
