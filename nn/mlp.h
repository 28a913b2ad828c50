// Multilayer perceptron on flattened inputs: linear + LeakyReLU for each hidden width, then the head. fp32. Without a
// hidden layer it is a linear classifier.
#pragma once

#include "nn/net.h"

namespace crc::nn {

struct MlpConfig {
  int64_t inputs = 2;  // H*W*channels of an image, or the length of a row
  std::vector<int64_t> hidden = {64, 64};
  int64_t classes = 2;
  float slope = 0.1f;
  int64_t projection = 0;  // size of a projection head (nn/projection.h); 0: none
};

// Parameters "layers.0.weight", ..., "fc.weight". Features are the last hidden activations, or the input.
std::unique_ptr<Net> make_mlp(const MlpConfig& config);

}  // namespace crc::nn
