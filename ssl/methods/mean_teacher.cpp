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

  bool asks_average() const override { return true; }
  void gradients(const TrainingStep& s, const Batch& batch) const override {
    ConsistencyStep step(s, batch);
    const bool own = s.config.ema_buffers == EmaBuffers::own;
    std::vector<ViewPass> passes{{.kept = 0}, {.average = true, .mode = own ? Mode::train : Mode::train_frozen_stats}};
    if (!s.config.shared_pass) passes.push_back({.mode = Mode::train_frozen_stats, .kept = 1});
    const auto logits = step.forward(passes);
    const View<const float, 2> target = logits[1], none{nullptr, {0, 0}, s.context.device(), "no target"};
    step.learn(logits[0], 0, /*labels=*/true, s.config.shared_pass ? target : none);
    if (!s.config.shared_pass) step.learn(logits[2], 1, /*labels=*/false, target);
  }
};

}  // namespace

const Method& mean_teacher() {
  static const MeanTeacher method;
  return method;
}

}  // namespace crc::ssl
