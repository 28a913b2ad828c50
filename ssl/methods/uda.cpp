// UDA (Xie et al. 2020, "Unsupervised Data Augmentation for Consistency Training", section 2.2 and 2.4). Mask: the
// weak view's largest probability is at least the threshold (0.8). Target: its sharpened prediction, softmax(weak /
// T) with T = 0.4, a constant. Training signal annealing, which its image experiments leave out with few labels, is
// not here: TorchSSL's and USB's configurations have it off.
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class Uda : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize&) const override {
    return {{"threshold", 1, config.threshold}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.predict();
    m.keep_confident();
    const auto target = m.take<float, 2>({batch.unlabeled, s.net.classes()}, "sharpened predictions");  // [M,C]
    sharpen(s.context, target, m.weak, s.config.temperature);
    m.learn_labels();
    m.learn(target);
    m.finish();
  }
};

}  // namespace

const Method& uda() {
  static const Uda method;
  return method;
}

}  // namespace crc::ssl
