#include "kernels/ops/tally_pseudo.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class TallyPseudoLabels : public OnDevice {};

TEST_P(TallyPseudoLabels, CountsAnEpochAndBeginsAnew) {
  for (const int64_t rows : {1, 33, 300}) {
    constexpr int64_t kClasses = 5, kEpoch = 3;
    Guarded<float, 2> tally(context, {kTallies, kClasses}, uniform(kTallies * kClasses, 1), "tally");
    std::vector<float> expected(kTallies * kClasses, 0.0f);
    for (int64_t step = 0; step < 5; ++step) {
      if (step % kEpoch == 0) std::fill(expected.begin(), expected.end(), 0.0f);
      const auto weights = uniform(rows, uint32_t(step), 0, 1);
      std::vector<int32_t> labels, truths;
      for (int64_t n = 0; n < rows; ++n) {
        Draws draws(uint32_t(step), Purpose::test, n, 7);
        labels.push_back(int32_t(draws.below(kClasses)));
        truths.push_back(int32_t(draws.below(kClasses + 1)) - 1);
        const bool claimed = weights[size_t(n)] >= 0.5f, known = truths.back() >= 0;
        const auto count = [&](Tally what, int32_t c) { expected[size_t(what * kClasses + c)] += 1; };
        if (claimed) count(kClaimed, labels.back());
        if (claimed && known) count(kKnown, labels.back());
        if (claimed && labels.back() == truths.back()) count(kRight, labels.back());
        if (known) count(kTrue, truths.back());
        for (int32_t c = 0; c < kClasses; ++c) count(kDrawn, c);
      }
      const Guarded<float, 1> weight(context, {rows}, weights);
      const Guarded<int32_t, 1> label(context, {rows}, labels), truth(context, {rows}, truths);
      tally_pseudo(context, tally.view(), weight.view(), label.view(), truth.view(),
                   StateOnDevice(context, at_step(step)).view(), kEpoch);
      EXPECT_EQ(tally.get(), expected) << "step " << step;
    }
  }
}

CRC_ON_EACH_DEVICE(TallyPseudoLabels);

}  // namespace
}  // namespace crc::test
