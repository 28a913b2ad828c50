// Predictions of a network over a whole image set, and what they are worth.
#pragma once

#include <cmath>
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

// NaN where there is nothing to measure by: no labelled image.
struct Evaluation {
  int64_t images = 0;              // that have a label: what follows, through `confusion`, is over these
  double accuracy = NAN;           // share that is right, 0..1
  double balanced_accuracy = NAN;  // mean recall over the classes that occur
  double loss = NAN;               // mean cross-entropy
  // Expected calibration error (Guo et al. 2017, Eq. 3): 15 equal bins of confidence, each |accuracy - confidence|
  // weighted by its share of the images.
  double calibration_error = NAN;
  std::vector<int64_t> confusion;  // [C,C], rows are true classes
  std::vector<int64_t> predicted;  // [C], over all images
  double confidence = 0;           // mean largest probability, over all images
};
// fp64 on the host; label -1: unknown. Error numerical for a logit that is not finite.
Evaluation evaluate(const std::vector<float>& logits, const std::vector<int32_t>& labels, int64_t classes);

struct Mistake {
  int64_t item;  // of the images
  int32_t label, predicted;
  double given;       // probability of the label
  double confidence;  // probability of the predicted class
};
// The images whose predicted class is not their label, the least likely label first; of equal ones in order. What a
// network contradicts most surely: where it has not seen the image its worst mistakes, and among images it learned the
// labels that are likeliest wrong (confident learning, Northcutt et al. 2021, by self-confidence). logits [N,C].
std::vector<Mistake> find_mistakes(const std::vector<float>& logits, const std::vector<int32_t>& labels,
                                   int64_t classes);

}  // namespace crc::ssl
