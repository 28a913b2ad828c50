// Cross-entropy on the labelled images alone.
#include "kernels/ops/reduce.h"
#include "ssl/method.h"

namespace crc::ssl {
namespace {

class Supervised : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override {
    static constexpr BatchView kViews[] = {{BatchView::Items::labeled, Purpose::labeled_augment}};
    return kViews;
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Arena& arena = s.context.scratch();
    const int64_t n = batch.labeled;
    auto logits = arena.take<float, 2>({n, s.net.classes()}, "logits");  // [B,C]
    auto losses = arena.take<float, 1>({n}, "losses");                   // [B]
    s.passes.forward(s.context, {.begin = 0, .end = n, .kept = 0}, logits);
    s.label_loss(s.context, logits, losses, logits, batch.labels, 1.0f / float(n));
    record_mean(s.context, s.losses, losses, s.state, kLossLabeled);
    s.passes.backward(s.context, 0, logits);
  }
};

}  // namespace

const Method& supervised() {
  static const Supervised method;
  return method;
}

}  // namespace crc::ssl
