// Distribution alignment as a part that methods share: p <- normalise(p * target / model). model is what the network
// predicts of unlabelled items, as a running mean or as the mean of the last align_window steps (Berthelot et al. 2020,
// ReMixMatch, section 3.1); target is uniform (SoftMatch, Eq. 9), the running mean of labelled predictions (AdaMatch,
// section 3.3), or the running shares of the labels (ReMixMatch).
#pragma once

#include "kernels/ops/running.h"
#include "ssl/methods/matching.h"

namespace crc::ssl {

class Alignment {
 public:
  Alignment(const TrainConfig& config, Align of_method) : config_(config), to_(config.align.value_or(of_method)) {}

  std::vector<StateArray> running(int64_t classes) const {
    if (to_ == Align::none) return {};
    std::vector<StateArray> arrays{{"p_model", classes}};
    if (config_.align_window > 0) arrays.push_back({"p_window", config_.align_window * classes});
    if (to_ != Align::uniform) arrays.push_back({"p_target", classes, 1.0f / float(classes)});
    return arrays;
  }

  // Moves both by this batch, then aligns m.probabilities. `labeled`: predictions of the labelled images [B,C].
  void apply(const Matching& m, View<const float, 2> labeled) const {
    if (to_ == Align::none) return;
    const RunningConfig decay{.decay = config_.running_decay};
    const View<float, 1> model = m.running["p_model"];
    if (config_.align_window > 0)
      window_mean(m.context, model, m.running.matrix("p_window", model.size()), m.probabilities, m.step.state);
    else
      running_mean(m.context, model, m.probabilities, m.step.state,
                   RunningConfig{.decay = config_.running_decay, .first_replaces = true});
    const View<float, 1> none{nullptr, {0}, m.context.device(), "uniform"};
    const View<float, 1> target = to_ == Align::uniform ? none : m.running["p_target"];
    if (to_ == Align::predicted) running_mean(m.context, target, labeled, m.step.state, decay);
    if (to_ == Align::labels) running_shares(m.context, target, m.batch.labels, m.step.state, decay);
    align_rows(m.context, m.probabilities, target, model);
  }

 private:
  const TrainConfig& config_;
  Align to_;
};

}  // namespace crc::ssl
