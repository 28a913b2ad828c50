#include "apps/config/method_keys.h"

#include <fmt/format.h>

#include <sstream>

#include "apps/config/key_kinds.h"
#include "data/text.h"

namespace crc::apps {

void add_methods(std::vector<ConfigKey>& keys) {
  keys.insert(
      keys.end(),
      {later(choice("ssl.ramp_shape", RampShape::gaussian,
                    "how the unsupervised weight rises over ramp_steps: exp(-5 (1 - r)^2); r (linear); (1 - cos(pi r)) "
                    "/ 2 (cosine)"),
             std::string("gaussian")),
       later(real("ssl.ramp_share", 0, 0, 1,
                  "the ramp as a share of the schedule's steps, instead of ramp_steps; 0: as "
                  "ramp_steps says"),
             0.0),
       later(real("ssl.running_decay", 0.999, 0, 1,
                  "softmatch, adamatch, freematch, simmatch: decay of what they remember of their batches"),
             0.999),
       choice_or_none<ssl::Align>(
           "ssl.align",
           "softmatch, adamatch, simmatch: predictions are aligned with nothing, the uniform distribution, "
           "the running mean of labelled predictions, or the running shares of the labels; empty: "
           "as the paper has it (uniform; predicted; uniform)"),
       later(integer("ssl.align_window", 0, 0, 4096,
                     "what is aligned is the mean prediction of so many steps (ReMixMatch: 128, SimMatch: 32); 0: a "
                     "running mean"),
             int64_t(0)),
       later(real("ssl.sigmas", 2, 0.01, 100, "softmatch: its Gaussian is so many times narrower than the confidence"),
             2.0),
       later(real("ssl.fairness", 0.01, 0, 100, "freematch: weight of its fairness loss"), 0.01),
       later(boolean("ssl.threshold_warmup", true,
                     "flexmatch: items without a pseudo-label yet hold the thresholds down"),
             true),
       later(boolean("ssl.interpolate", true, "adamatch: random interpolation of labelled logits, by a second pass"),
             true),
       later(integer("ssl.dash.warmup_steps", 2048, 0, kMany, "dash: steps on the labels alone, before all others"),
             int64_t(2048)),
       later(real("ssl.dash.gamma", 1.27, 1, 100, "dash: what the threshold is divided by after each period"), 1.27),
       later(integer("ssl.dash.period_epochs", 10, 1, kMany, "dash: epochs of a period"), int64_t(10)),
       later(real("ssl.dash.least", 0.05, 0, 100, "dash: where the threshold stops"), 0.05),
       later(integer("ssl.simmatch.embedding", 128, 1, 4096,
                     "simmatch: size of the embeddings by which images are compared; a projection head of the network, "
                     "in training alone"),
             int64_t(128)),
       later(real("ssl.simmatch.alpha", 0.9, 0, 1,
                  "simmatch: share of the prediction in its target; the rest is what similar labelled images say"),
             0.9),
       later(real("ssl.simmatch.bank_decay", 0.7, 0, 1, "simmatch: decay of a labelled image's embedding in the bank"),
             0.7),
       later(real("ssl.simmatch.instance_weight", 1, 0, 1000,
                  "simmatch: weight of the loss between similarities, times lambda_u"),
             1.0),
       later(integer("ssl.simmatch.warmup_epochs", 1, 0, kMany,
                     "simmatch: epochs without similarities, before all others"),
             int64_t(1)),
       later(
           choice("ssl.logit_adjustment", ssl::LogitAdjustment::none,
                  "unequal classes (Menon et al. 2021): tau * log of the classes' shares among the labels is added to "
                  "the logits of the labelled loss, or taken off those of predictions (of the tested model's head)"),
           std::string("none")),
       later(real("ssl.adjustment", 1, 0, 10, "its tau"), 1.0),
       later(
           choice("ssl.class_weights", ssl::ClassWeights::none,
                  "unequal classes: what a labelled image weighs: 1 / n, n the labels of its class (inverse); one over "
                  "their effective number, (1 - beta) / (1 - beta^n) (Cui et al. 2019); their mean over classes is 1"),
           std::string("none")),
       later(real("ssl.class_beta", 0.999, 0, 0.999999, "its beta"), 0.999),
       later(text("ssl.ema_decays", "", {},
                  "decays of further averages, \"0.99 0.9999\": after every epoch the average that is best on the "
                  "held-out images (data.validation_size) is the tested one; empty: that of ssl.ema_decay alone"),
             std::string())});
}

std::vector<double> further_decays(const Config& config) {
  const std::string& words = config.get<std::string>("ssl.ema_decays");
  std::istringstream in(words);
  std::vector<double> decays;
  for (std::string word; in >> word;) {
    size_t read = 0;
    double decay = -1;
    try {
      decay = std::stod(word, &read);
    } catch (const std::exception&) {
    }
    if (read != word.size() || !(decay >= 0 && decay <= 1))
      fail(ExitCode::config, fmt::format("ssl.ema_decays = {}: {} is not a number from 0 to 1; write \"0.99 0.9999\"",
                                         data::in_quotes(words), data::in_quotes(word)));
    decays.push_back(decay);
  }
  return decays;
}

void set_methods(ssl::TrainConfig& train, const Config& config) {
  train.running_decay = float(config.get<double>("ssl.running_decay"));
  if (!config.get<std::string>("ssl.align").empty()) train.align = config.choice<ssl::Align>("ssl.align");
  train.align_window = config.get<int64_t>("ssl.align_window");
  train.sigmas = float(config.get<double>("ssl.sigmas"));
  train.fairness = float(config.get<double>("ssl.fairness"));
  train.threshold_warmup = config.get<bool>("ssl.threshold_warmup");
  train.interpolate = config.get<bool>("ssl.interpolate");
  train.logit_adjustment = config.choice<ssl::LogitAdjustment>("ssl.logit_adjustment");
  train.adjustment = config.get<double>("ssl.adjustment");
  train.class_weights = config.choice<ssl::ClassWeights>("ssl.class_weights");
  train.class_beta = config.get<double>("ssl.class_beta");
  train.simmatch.embedding = config.get<int64_t>("ssl.simmatch.embedding");
  train.simmatch.alpha = float(config.get<double>("ssl.simmatch.alpha"));
  train.simmatch.bank_decay = float(config.get<double>("ssl.simmatch.bank_decay"));
  train.simmatch.instance_weight = float(config.get<double>("ssl.simmatch.instance_weight"));
  train.simmatch.warmup = config.get<int64_t>("ssl.simmatch.warmup_epochs") * train.steps_per_epoch;
  train.dash.warmup = config.get<int64_t>("ssl.dash.warmup_steps");
  train.dash.gamma = float(config.get<double>("ssl.dash.gamma"));
  train.dash.least = float(config.get<double>("ssl.dash.least"));
  train.dash.period = config.get<int64_t>("ssl.dash.period_epochs") * train.steps_per_epoch;
  train.ema_decays = further_decays(config);
}

}  // namespace crc::apps
