#include "kernels/ops/judge_pseudo.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class JudgePseudo : public OnDevice {};

TEST_P(JudgePseudo, CountsConfidentRowsWithAKnownLabel) {
  for (const int64_t m : {0, 1, 31, 257}) {
    std::vector<float> mask(m);
    std::vector<int32_t> pseudo(m), truth(m);
    std::vector<float> expected_known(m, 0.0f), expected_right(m, 0.0f);
    for (int64_t n = 0; n < m; ++n) {
      mask[n] = n % 3 ? 1.0f : 0.0f;
      pseudo[n] = int32_t(n % 10);
      truth[n] = int32_t(n % 7) - 1;
      if (n % 3 == 0 || n % 7 == 0) continue;
      expected_known[n] = 1;
      if (n % 7 - 1 == n % 10) expected_right[n] = 1;
    }
    const Guarded<float, 1> known(context, {m}, std::vector<float>(m, -1), "known");
    const Guarded<float, 1> right(context, {m}, std::vector<float>(m, -1), "right");
    const Guarded<float, 1> masks(context, {m}, mask);
    const Guarded<int32_t, 1> pseudos(context, {m}, pseudo), truths(context, {m}, truth);
    judge_pseudo(context, known.view(), right.view(), masks, pseudos, truths);
    EXPECT_EQ(known.get(), expected_known);
    EXPECT_EQ(right.get(), expected_right);
  }
}

TEST_P(JudgePseudo, RefusesOtherShapes) {
  const Guarded<float, 1> three(context, {3}, {0, 0, 0}), two(context, {2}, {0, 0});
  const Guarded<int32_t, 1> labels(context, {3}, {0, 0, 0});
  EXPECT_THROW(judge_pseudo(context, two.view(), three.view(), three, labels, labels), Error);
}

CRC_ON_EACH_DEVICE(JudgePseudo);

}  // namespace
}  // namespace crc::test
