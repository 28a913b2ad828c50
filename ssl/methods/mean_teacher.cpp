// Mean Teacher (Tarvainen & Valpola 2017): loss = CE(student) + w(t) * |softmax(student) - softmax(teacher)|^2, the
// teacher being the average of the student's weights. Its passes use the statistics of their own batch.
// Three passes as perrying's code: the student learns the labels; the teacher answers; the student, on a view of its
// own and without moving its statistics, follows. Two as Oliver's (config.shared_pass): one student pass does both.
#include "ssl/methods/consistency.h"

namespace crc::ssl {
namespace {

class MeanTeacher : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig& config) const override {
    using enum BatchView::Items;
    static constexpr BatchView kViews[] = {
        {both, Purpose::weak_augment}, {both, Purpose::teacher_augment}, {both, Purpose::consistency_augment}};
    return std::span(kViews).first(config.shared_pass ? 2 : 3);
  }

  void gradients(const Step& s, const Batch& batch) const override {
    const ConsistencyStep step(s, batch);
    const auto target = step.take_logits("teacher's logits"), logits = step.take_logits("logits");  // [B+M,C]
    const bool own = s.config.ema_buffers == EmaBuffers::own;
    {
      Arena::Frame frame(s.context.scratch());
      step.forward(target, 1, s.ema, own ? Mode::train : Mode::train_frozen_stats, nullptr);
    }
    const View<const float, 2> none{nullptr, {0, 0}, s.context.device(), "no target"};
    step.learn(logits, 0, Mode::train, /*labels=*/true, s.config.shared_pass ? View<const float, 2>(target) : none);
    if (!s.config.shared_pass) step.learn(logits, 2, Mode::train_frozen_stats, /*labels=*/false, target);
  }
};

}  // namespace

const Method& mean_teacher() {
  static const MeanTeacher method;
  return method;
}

}  // namespace crc::ssl
