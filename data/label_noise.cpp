#include "data/label_noise.h"

#include "kernels/core/random.h"

namespace crc::data {

// The first labels are drawn by permutations alone, whose counters end in the number of items, and these in 0: the two
// never meet.
std::vector<int32_t> with_label_noise(std::vector<int32_t> labels, int64_t classes, double rate, uint32_t seed,
                                      Annotated which) {
  if (rate <= 0 || classes < 2) return labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    Draws draw(seed, Purpose::initial_pool, int64_t(i), int64_t(which));
    if (draw.uniform53() >= rate) continue;
    const auto other = int32_t(draw.below(uint32_t(classes - 1)));
    labels[i] = other + (other >= labels[i] ? 1 : 0);
  }
  return labels;
}

}  // namespace crc::data
