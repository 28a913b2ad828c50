// What the tested model says about the unlabelled pool at a round's end: how sure it is, and how often it is right.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace crc::ssl {

struct PseudoLabels {
  int64_t images = 0;   // of `items` whose true label is known
  double rate = 0;      // share of them with a confidence of `threshold` or more
  double accuracy = 0;  // of those; NaN when there are none
};

// logits [N,C], labels [N] with -1 for unknown; `items` are rows.
PseudoLabels judge_pseudo_labels(const std::vector<float>& logits, std::span<const int32_t> labels, int64_t classes,
                                 std::span<const int64_t> items, double threshold);

}  // namespace crc::ssl
