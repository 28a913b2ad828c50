// What training and evaluation will do and take of a device's memory, in detail and without doing it: the same code
// runs on a context that only notes (Context::dry). What ops take inside themselves, the libraries' workspaces above
// all, is known only on the device: Arena::peak_bytes() after the first step.
#pragma once

#include "ssl/image_set.h"
#include "ssl/method.h"

namespace crc::ssl {

struct DataSize {
  int64_t images, height, width;
  int64_t labeled, unlabeled;       // ids of them
  int64_t features = 0, views = 1;  // of embeddings; 0: images
};

// One step of training, with all that a Trainer owns and the images that it draws from. `fused`: as where the gate
// takes every fused way (kernels/ops/conv2d_join.h).
Trace plan_training(const nn::Net& net, const DataSize& data, const TrainConfig& config, bool fused = false);
// predict() on all images, with what it returns; the images themselves are not counted.
Trace plan_prediction(const nn::Net& net, const DataSize& data, int64_t batch);

// Bytes of the tensors in a trace.
int64_t tensor_bytes(const Trace& trace);

}  // namespace crc::ssl
