// Predictions of a network over a whole image set, and what they are worth.
#pragma once

#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/ops/normalize.h"
#include "nn/net.h"
#include "ssl/image_set.h"

namespace crc::ssl {

struct Prediction {
  Tensor features;  // [N,D]
  Tensor logits;    // [N,C]
};
// Eval mode, no augmentation, the first `limit` images (0: all) in order, `batch` at a time.
Prediction predict(Context& context, const nn::Net& net, const nn::Weights& weights, const ImageSet& images,
                   const NormalizeConfig& normalize, int64_t batch, int64_t limit = 0);

struct Evaluation {
  int64_t images = 0;            // that have a label: what follows, through `confusion`, is over these
  double accuracy = 0;           // share that is right, 0..1; 0 where there is none, as all measures
  double balanced_accuracy = 0;  // mean recall over the classes that occur
  double loss = 0;               // mean cross-entropy
  // Expected calibration error (Guo et al. 2017, Eq. 3): 15 equal bins of confidence, each |accuracy - confidence|
  // weighted by its share of the images.
  double calibration_error = 0;
  std::vector<int64_t> confusion;  // [C,C], rows are true classes
  std::vector<int64_t> predicted;  // [C], over all images
  double confidence = 0;           // mean largest probability, over all images
};
// fp64 on the host; label -1: unknown. Error numerical for a logit that is not finite.
Evaluation evaluate(const std::vector<float>& logits, const std::vector<int32_t>& labels, int64_t classes);

}  // namespace crc::ssl
