#include "kernels/ops/pairwise_within.h"

#include <algorithm>
#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class PairwiseWithin : public OnDevice {};

std::vector<int64_t> within(Context& context, const std::vector<float>& x, int64_t n, int64_t d, double radius) {
  const Guarded<float, 2> a(context, {n, d}, x, "a");
  Guarded<int64_t, 2> bits(context, {n, words_of(n)}, std::vector<int64_t>(size_t(n * words_of(n)), -1), "bits");
  pairwise_within(context, bits.view(), a.view(), radius);
  return bits.get();
}
// A bit for each pair that top_hat measures as 1, by the op that reduces such pairs.
std::vector<int64_t> expected(Context& context, const std::vector<float>& x, int64_t n, int64_t d, double radius) {
  const Guarded<float, 2> a(context, {n, d}, x, "a");
  std::vector<int64_t> all(size_t(n * words_of(n)), 0);
  for (int64_t j = 0; j < n; ++j) {
    Guarded<double, 1> most(context, {n}, std::vector<double>(size_t(n), 0), "most");
    pairwise_most(context, most.view(), a.view(), a.view().slice(j, j + 1), Pairing{Measure::top_hat, radius});
    const std::vector<double> inside = most.get();
    for (int64_t i = 0; i < n; ++i)
      if (inside[size_t(i)] == 1) all[size_t(i * words_of(n) + j / 64)] |= int64_t(uint64_t(1) << j % 64);
  }
  return all;
}

TEST_P(PairwiseWithin, HasABitForEachPairInTheBall) {
  for (const auto& [n, d, radius] : {std::tuple<int64_t, int64_t, double>{0, 3, 1},
                                     {1, 1, 1},
                                     {63, 4, 1},
                                     {64, 7, 1.5},
                                     {65, 0, 1},
                                     {97, 33, 4.5},
                                     {200, 5, 1e-3},
                                     {200, 5, INFINITY}})
    EXPECT_EQ(within(context, uniform(n * d, 1), n, d, radius), expected(context, uniform(n * d, 1), n, d, radius))
        << n << " x " << d << ", " << radius;
}

// More than one chunk of rows: what is mirrored meets what is measured.
TEST_P(PairwiseWithin, IsSymmetricOverChunks) {
  constexpr int64_t kRows = 2 * kPairChunk + 75, kWidth = 3;
  const std::vector<float> x = uniform(kRows * kWidth, 3);
  const std::vector<int64_t> bits = within(context, x, kRows, kWidth, 0.8);
  EXPECT_EQ(bits, expected(context, x, kRows, kWidth, 0.8));
  int64_t inside = 0;
  for (int64_t i = 0; i < kRows; ++i)
    for (int64_t j = 0; j < kRows; ++j) {
      const auto bit = [&](int64_t r, int64_t c) {
        return uint64_t(bits[size_t(r * words_of(kRows) + c / 64)]) >> c % 64 & 1;
      };
      ASSERT_EQ(bit(i, j), bit(j, i)) << i << ", " << j;
      inside += int64_t(bit(i, j));
    }
  EXPECT_GT(inside, kRows);  // and not only each in its own ball
  EXPECT_LT(inside, kRows * kRows / 2);
}

TEST_P(PairwiseWithin, TheBallIsOpenAndExactAtItsRim) {
  // On a line, 3 + 1e-7 wide steps apart from fp32's point of view: in fp32 products alone these would tie.
  const std::vector<float> x{0, 3, 3.0000002f, -3, 2.9999998f};
  const std::vector<int64_t> bits = within(context, x, 5, 1, 3);
  EXPECT_EQ(bits[0], 0b10001);  // itself and 2.9999998, not 3
}

TEST_P(PairwiseWithin, WrongShapesAreErrors) {
  const Guarded<float, 2> a(context, {65, 2}, uniform(130, 1), "a");
  Guarded<int64_t, 2> narrow(context, {65, 1}, std::vector<int64_t>(65, 0), "bits"),
      bits(context, {65, 2}, std::vector<int64_t>(130, 0), "bits");
  EXPECT_THROW(pairwise_within(context, narrow.view(), a.view(), 1.0), Error);
  EXPECT_THROW(pairwise_within(context, bits.view(), a.view(), 0.0), Error);
}

CRC_ON_EACH_DEVICE(PairwiseWithin);

}  // namespace
}  // namespace crc::test
