#include "ssl/pseudo_labels.h"

#include <algorithm>
#include <cmath>

namespace crc::ssl {

PseudoLabels judge_pseudo_labels(const std::vector<float>& logits, std::span<const int32_t> labels, int64_t classes,
                                 std::span<const int64_t> items, double threshold) {
  PseudoLabels result;
  int64_t sure = 0, right = 0;
  for (int64_t item : items) {
    if (labels[size_t(item)] < 0) continue;
    const float* row = logits.data() + item * classes;
    const float* top = std::max_element(row, row + classes);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(double(row[c]) - double(*top));
    ++result.images;
    if (1 / sum < threshold) continue;
    ++sure;
    right += top - row == labels[size_t(item)];
  }
  result.rate = result.images > 0 ? double(sure) / double(result.images) : NAN;
  result.accuracy = sure > 0 ? double(right) / double(sure) : NAN;
  return result;
}

}  // namespace crc::ssl
