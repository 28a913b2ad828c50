// What decides a training run, apart from the data and the network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/augment/augment_batch.h"
#include "kernels/ops/adam.h"
#include "kernels/ops/advance_step.h"
#include "kernels/ops/dash.h"
#include "kernels/ops/draw_batch.h"
#include "kernels/ops/noisy_rows.h"
#include "kernels/ops/sgd.h"
#include "nn/weights_info.h"

namespace crc::ssl {

// The averaged model's batch-norm buffers: taken over from the student each step; averaged like the weights (early
// kekmodel); or moved by the teacher's own forward passes (perrying's Mean Teacher).
CRC_CHOICE(EmaBuffers, copied, averaged, own)
CRC_CHOICE(Optimizer, sgd, adam)
// Distribution alignment towards: nothing; the uniform distribution; the running mean of labelled predictions; the
// running shares of labels (ssl/methods/alignment.h).
CRC_CHOICE(Align, none, uniform, predicted, labels)
// Menon et al. 2021: tau * log of the labelled classes' shares is added to the logits in the labelled loss (Eq. 10), or
// taken off those of the tested model (Eq. 9): its head's bias. One of them, for each corrects all of it.
CRC_CHOICE(LogitAdjustment, none, loss, prediction)
// What a labelled image weighs by how often its class is labelled (ssl/label_loss.h).
CRC_CHOICE(ClassWeights, none, inverse, effective)
// Whose mean and variance batch normalisation takes of a step in shards: the shard's, or those of the whole batch.
CRC_CHOICE(BatchStatistics, shard, synchronized)
using nn::Tested;

struct SimMatchConfig {
  int64_t embedding = 128;    // size of the projections that are compared
  float alpha = 0.9f;         // of the prediction in its mixture with the bank's labels
  float bank_decay = 0.7f;    // of a labelled image's embedding in the bank
  float instance_weight = 1;  // of the loss between instances, times that of the unlabelled loss
  int64_t warmup = 0;         // steps without all this
};

struct TrainConfig {
  std::string method = "fixmatch";
  uint32_t seed = 0;
  int64_t batch = 64;  // labelled images per step
  int64_t mu = 7;      // unlabelled images per labelled one
  float lambda_u = 1;  // weight of the unlabelled loss; `schedule` ramps it for pi_model and mean_teacher
  float threshold = 0.95f;
  float temperature = 1;
  float running_decay = 0.999f;  // of what methods remember of their batches
  std::optional<Align> align;    // none: as the method has it
  int64_t align_window = 0;      // steps whose mean alignment takes (ReMixMatch: 128); 0: the running mean instead
  float sigmas = 2;              // softmatch: the Gaussian's width is the standard deviation over this
  float fairness = 0.01f;        // freematch: weight of its fairness
  bool threshold_warmup = true;  // flexmatch: items without a pseudo-label hold thresholds down
  bool interpolate = true;       // adamatch: random interpolation of labelled logits
  DashConfig dash = {};          // its temperature is the one above
  SimMatchConfig simmatch = {};
  LogitAdjustment logit_adjustment = LogitAdjustment::none;
  double adjustment = 1;  // its tau
  ClassWeights class_weights = ClassWeights::none;
  double class_beta = 0.999;  // effective: of the effective number of samples
  Sampling labeled_sampling = Sampling::permutations, unlabeled_sampling = Sampling::permutations;
  int64_t steps_per_epoch = 1024;  // also how many steps of losses are kept
  int64_t steps_per_graph = 16;    // captured as one CUDA graph; changes no result
  int64_t shards = 0;  // equal parts of a step's batch, each with a pass of its own (ssl/shard_mean.h); 0: one pass
  BatchStatistics batch_statistics = BatchStatistics::shard;
  // pi_model and mean_teacher: one student pass learns labels and consistency (Oliver), not one pass each (perrying).
  bool shared_pass = false;
  Schedule schedule = {};  // its consistency weight is lambda_u
  Optimizer optimizer = Optimizer::sgd;
  SgdConfig sgd = {};  // `decayed` of both is the network's to say
  AdamConfig adam = {};
  EmaBuffers ema_buffers = EmaBuffers::copied;
  Tested tested = Tested::ema;
  std::vector<double> ema_decays = {};  // of further averages, one of which may be the tested one instead
  augment::AugmentConfig weak = {};     // flip, crop and normalisation of every view; seed and purpose are set per view
  augment::Policy strong = augment::Policy::randaugment_kekmodel;
  // The same for embeddings, where no further view of theirs is given; seed and purpose are set per view.
  RowNoise weak_rows = {}, strong_rows = {};
};

}  // namespace crc::ssl
