#include "ssl/pseudo_labels.h"

#include <cmath>

#include "kernels/core/host_softmax.h"

namespace crc::ssl {

PseudoLabels judge_pseudo_labels(const std::vector<float>& logits, std::span<const int32_t> labels, int64_t classes,
                                 std::span<const int64_t> items, double threshold) {
  PseudoLabels result;
  int64_t sure = 0, right = 0;
  for (int64_t item : items) {
    if (labels[size_t(item)] < 0) continue;
    const float* row = logits.data() + item * classes;
    const HostSoftmax softmax(std::span(row, size_t(classes)));
    ++result.images;
    if (softmax.largest() < threshold) continue;
    ++sure;
    right += softmax.argmax() == labels[size_t(item)];
  }
  result.rate = result.images > 0 ? double(sure) / double(result.images) : NAN;
  result.accuracy = sure > 0 ? double(right) / double(sure) : NAN;
  return result;
}

}  // namespace crc::ssl
