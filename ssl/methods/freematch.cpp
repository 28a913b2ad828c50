// FreeMatch (Wang et al. 2023, "Self-adaptive Thresholding for Semi-supervised Learning", Eq. 5-12). Mask: the
// largest probability is at least its class's threshold, level * model_c / max model, where level follows the mean
// confidence and model the mean prediction, both from 1/C. Target: the likeliest class. And fairness *
// (cross-entropy of kernels/ops/fairness.h) over the strong views that the mask keeps, with the running shares of
// pseudo-labels.
#include "kernels/ops/fairness.h"
#include "kernels/ops/gather.h"
#include "kernels/ops/running.h"
#include "ssl/methods/matching.h"

namespace crc::ssl {
namespace {

class FreeMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }

  std::vector<StateArray> running(const TrainConfig&, const PoolSize& pool) const override {
    const float even = 1.0f / float(pool.classes);
    return {{"p_model", pool.classes, even},
            {"shares", pool.classes, even},
            {"level", 1, even},
            {"threshold", pool.classes}};
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    Matching m(s, batch);
    m.predict();
    const RunningConfig decay{.decay = s.config.running_decay};
    const View<float, 1> model = s.running["p_model"], shares = s.running["shares"], level = s.running["level"];
    running_mean(s.context, level, column(m.confidence), s.state, decay);
    running_mean(s.context, model, m.probabilities, s.state, decay);
    running_shares(s.context, shares, m.label, s.state, decay);
    relative_thresholds(s.context, s.running["threshold"], level, model);
    m.keep_confident();
    m.learn_labels();
    m.learn();
    if (s.config.fairness > 0) be_fair(m, model, shares);
    m.finish();
  }

 private:
  static void be_fair(const Matching& m, View<const float, 1> model, View<const float, 1> shares) {
    const int64_t rows = m.batch.unlabeled, classes = model.size();
    const auto p = m.take<float, 2>({rows, classes}, "strong predictions");  // [M,C]
    const auto sure = m.take<float, 1>({rows}, "strong confidence");         // [M]
    const auto likeliest = m.take<int32_t, 1>({rows}, "strong classes");     // [M]
    const auto batch = m.take<float, 2>({2, classes}, "mean and shares");    // [2,C]
    const auto pull = m.take<float, 1>({classes}, "pull");                   // [C]
    softmax(m.context, p, m.strong);
    top_class(m.context, sure, likeliest, p);
    fairness_batch(m.context, batch, p, likeliest, m.weight);
    fairness_pull(m.context, pull, batch, model, shares);
    fairness_rows(m.context, m.dstrong, p, m.weight, pull, m.config.fairness);
  }
};

}  // namespace

const Method& freematch() {
  static const FreeMatch method;
  return method;
}

}  // namespace crc::ssl
