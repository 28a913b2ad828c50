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

  bool shards() const override { return true; }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Arena& arena = s.context.scratch();
    const int64_t n = batch.labeled;
    auto features = arena.take<float, 2>({n, s.net.feature_dim()}, "features");  // [B,D]
    auto logits = arena.take<float, 2>({n, s.net.classes()}, "logits");          // [B,C]
    auto losses = arena.take<float, 1>({n}, "losses");                           // [B]
    s.net.forward(s.context, s.student, batch.images, Mode::train, features, logits, s.saved[0]);
    s.label_loss(s.context, logits, losses, logits, batch.labels, 1.0f / float(n));
    record_mean(s.context, s.losses, losses, s.state, kLossLabeled);
    s.net.backward(s.context, s.student, s.grads, logits, *s.saved[0]);
  }
};

}  // namespace

const Method& supervised() {
  static const Supervised method;
  return method;
}

}  // namespace crc::ssl
