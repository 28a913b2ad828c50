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

  void gradients(const Step& s, const Batch& batch) const override {
    const ConsistencyStep step(s, batch);
    const auto first = step.take_logits("logits"), second = step.take_logits("second logits");  // [B+M,C]
    const View<const float, 2> none{nullptr, {0, 0}, s.context.device(), "no target"};
    if (!s.config.shared_pass) {
      step.learn(first, 0, Mode::train, /*labels=*/true, none);
      step.learn(second, 1, Mode::train_frozen_stats, /*labels=*/false, first);
      return;
    }
    {
      Arena::Frame frame(s.context.scratch());
      step.forward(second, 1, s.student, Mode::train_frozen_stats, nullptr);
    }
    step.learn(first, 0, Mode::train, /*labels=*/true, second);
  }
};

}  // namespace

const Method& pi_model() {
  static const PiModel method;
  return method;
}

}  // namespace crc::ssl
