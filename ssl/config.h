// What decides a training run, apart from the data and the network.
#pragma once

#include <string>

#include "kernels/augment/augment_batch.h"
#include "kernels/ops/advance_step.h"
#include "kernels/ops/sgd.h"

namespace crc::ssl {

// The EMA's batch-norm buffers: taken over from the student each step, or averaged like the weights (early reference
// code).
enum class EmaBuffers : uint8_t { copied, averaged };

struct TrainConfig {
  std::string method = "fixmatch";
  uint32_t seed = 0;
  int64_t batch = 64;  // labelled images per step
  int64_t mu = 7;      // unlabelled images per labelled one
  float lambda_u = 1;
  float threshold = 0.95f;
  float temperature = 1;
  int64_t steps_per_epoch = 1024;  // also how many steps of losses are kept
  Schedule schedule = {};
  SgdConfig sgd = {};  // `decayed` is the network's to say
  EmaBuffers ema_buffers = EmaBuffers::copied;
  augment::AugmentConfig weak = {};  // flip, crop and normalisation of every view; seed and purpose are set per view
  augment::Policy strong = augment::Policy::randaugment_kekmodel;
};

}  // namespace crc::ssl
