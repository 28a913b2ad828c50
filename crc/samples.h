// Logits of several stochastic passes of one model, as Monte Carlo dropout or an ensemble gives them: what bald,
// batchbald and dropquery look at.
#pragma once

#include <span>
#include <vector>

#include "crc/acquisition.h"

namespace crc::select {

struct Samples {
  std::vector<float> owned;     // empty where `data` is somebody else's
  std::span<const float> data;  // [S,N,C]
  int64_t passes, items, classes;

  std::span<const float> operator()(int64_t pass, int64_t item) const {
    return data.subspan(size_t((pass * items + item) * classes), size_t(classes));
  }
  std::vector<double> probabilities(int64_t item) const;  // [S,C]
};

// Errors: config (none given, or of less than two classes), numerical (not finite for an unlabelled item).
Samples read_samples(Context& context, const Problem& problem, const Config& config);

// The mean over the passes of their entropies; p [S,C].
double mean_entropy(std::span<const double> p, int64_t classes);

}  // namespace crc::select
