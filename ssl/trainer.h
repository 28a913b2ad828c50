// Trainer: one training run of a network from its initialisation, step by step. Owns weights, EMA, momentum and the
// step state; a step allocates nothing and never waits for the host, and on CUDA several are one captured graph.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/ops/ema.h"
#include "nn/safetensors.h"
#include "ssl/image_set.h"
#include "ssl/method.h"
#include "ssl/shard_mean.h"

namespace crc::ssl {

// Means over the steps of an epoch.
struct EpochLosses {
  double labeled = 0, unlabeled = 0, mask_rate = 0;
  double pseudo_acc = 0;  // share of right ones among confident pseudo-labels of known truth; NaN: there were none
};

// Of an epoch's pseudo-labels so far, class by class; those with a weight of at least 1/2 count. NaN: there were none.
struct EpochPseudo {
  std::vector<double> precision, recall;  // [C], of rows whose true label is known
  std::vector<double> share;              // [C], of all rows drawn: pseudo-labelled so
  double unclaimed = 1;                   // of all rows drawn: those that no class claims
};

// What a Trainer refuses, from sizes alone; height 0: embeddings. Errors config: no labelled images, or none unlabelled
// where the method needs them; settings that do not go together; images that augmentation does not take.
void check_training(const TrainConfig& config, int64_t height, int64_t width, int64_t labeled, int64_t unlabeled);

class Trainer {
 public:
  // `labeled` and `unlabeled` are item ids (rows of `images`). Initialises the network from config.seed.
  // Errors of check_training. `ranks`: the processes that share config.shards, each with such a trainer; they take the
  // same steps together, and have the same bits after each.
  Trainer(Context& context, const nn::Net& net, const ImageSet& images, const std::vector<int64_t>& labeled,
          const std::vector<int64_t>& unlabeled, TrainConfig config, Ranks* ranks = nullptr);

  // Returns when the device has the work, not when it is done. In several processes, all must then have the same
  // weights: Error internal. Nothing else may hold scratch memory meanwhile.
  void train(int64_t steps);
  // One step on a batch of the caller's making, whole: gradients, optimizer, EMA, next step state.
  void step_on(const Batch& batch);
  int64_t step() const { return step_; }
  // Means over the last `steps` steps, at most steps_per_epoch. Error numerical where one is not finite.
  EpochLosses losses(int64_t steps);
  EpochPseudo pseudo_labels();

  const MethodState& running() const { return running_; }
  const nn::Weights& student() const { return student_weights_; }
  const nn::Weights& ema() const { return ema_weights_; }
  // The model that is tested: config.tested, and of several averages the one that was chosen last; adjusted where
  // config.logit_adjustment says so. Valid until the next call.
  const nn::Weights& tested();
  int64_t averages() const { return 1 + int64_t(further_.size()); }  // ema, then those of config.ema_decays
  void choose_average(int64_t average) { average_ = average; }

  // Everything a resumed run needs, as named arrays; restoring it continues with the same bits (CPU).
  void save(nn::TensorFile& file);
  void restore(const nn::TensorFile& file, const std::string& source);

 private:
  void run_steps(int64_t count);
  void warm_up();
  View<const float, 2> rates() const { return rates_.view<const float, 2>(); }
  Batch draw();
  Batch part_of(const Batch& whole, int64_t shard);
  void look(Batch& batch);
  void look_at(const BatchView& view, int64_t look, const nn::Activations& y, View<const int64_t, 1> items);
  void learn_from_probes(const Batch& batch);
  void take_labels(const std::vector<int64_t>& labeled);
  void take_gradients(Passes passes, const Batch& batch);
  void step_in_shards(const Batch& whole);
  void learn(View<const float, 1> gradients);
  void optimize(View<const float, 1> gradients);
  void follow();
  void begin_averages();
  std::vector<int64_t> labels_by_class(const std::vector<int64_t>& labeled) const;

  Context& context_;
  const nn::Net& net_;
  const ImageSet& images_;
  TrainConfig config_;
  const Method& method_;
  nn::WeightBuffers student_, ema_, grads_;
  nn::Weights student_weights_, ema_weights_, grad_weights_;
  Tensor momentum_, second_moment_;    // the latter is Adam's alone
  Tensor rates_;                       // ctaugment's alone
  Tensor more_values_, more_running_;  // of config.ema_decays, [K,P] and [K,R]; the latter only where it is averaged
  EmaDecays decays_;
  std::vector<nn::Weights> further_;
  int64_t average_ = 0;
  std::vector<int64_t> counts_;  // labelled items of each class; empty: nothing depends on them
  LabelLoss label_loss_;
  std::unique_ptr<nn::WeightBuffers> adjusted_;  // with logit_adjustment = prediction: the tested model,
  nn::Weights adjusted_weights_;
  Tensor adjustment_;  // and what its head's bias has more [C]
  PoolSize pool_;
  MethodState running_;
  Tensor tally_;
  Tensor state_, ring_, labeled_, unlabeled_;
  std::vector<SavedPasses> saved_;            // of each part of the batch that passes alone here
  std::optional<ShardMean> shards_;           // with config.shards
  std::optional<Lockstep> lockstep_;          // with batch statistics over all of them
  bool warm_ = false;                         // a step has run: memory and the libraries' plans are there
  std::function<void()> one_step_, a_graph_;  // replay 1 and steps_per_graph steps; made when first needed
  int64_t step_ = 0;
};

// A step of one shard alone, for what the gate chooses in it: before others take part in such passes, who then compute by
// the same choices. Nothing for one process, and on the CPU, which has no choice.
void rehearse(Context& context, const nn::Net& net, const ImageSet& images, const std::vector<int64_t>& labeled,
              const std::vector<int64_t>& unlabeled, TrainConfig config, const Ranks* ranks);

}  // namespace crc::ssl
