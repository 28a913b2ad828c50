// Alone; among processes: tests/apps/ranks, tests/ssl/sharded_test.cpp, tests/emulator/ranks_test.cpp.
#include "kernels/ops/across_ranks.h"

#include <gtest/gtest.h>

#include "kernels/core/tensor.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class AcrossRanks : public OnDevice {};

TEST_P(AcrossRanks, AloneAllIsOnesOwn) {
  Ranks alone;
  const std::vector<float> values{1, -2, 3.5f, 1e-40f};
  const std::vector<double> wide{1, -2, 1e-300};
  for (Ranks* ranks : {static_cast<Ranks*>(nullptr), &alone}) {
    const Tensor own = Tensor::from_host(context, {4}, values.data(), "own");
    const Tensor wide_own = Tensor::from_host(context, {3}, wide.data(), "wide own");
    const Tensor all(context, {4}, Dtype::f32, "all"), wide_all(context, {3}, Dtype::f64, "wide all");
    gather_ranks(context, all.view<float, 1>(), own.view<float, 1>(), ranks);
    gather_ranks(context, wide_all.view<double, 1>(), wide_own.view<double, 1>(), ranks);
    mean_ranks(context, own.view<float, 1>(), ranks);
    EXPECT_EQ(all.to_host<float>(context), values);
    EXPECT_EQ(wide_all.to_host<double>(context), wide);
    EXPECT_EQ(own.to_host<float>(context), values);
    EXPECT_THROW(gather_ranks(context, all.view<float, 1>().slice(0, 3), own.view<float, 1>(), ranks), Error);
  }
}

CRC_ON_EACH_DEVICE(AcrossRanks);

TEST(TreeMean, IsThatOfPairs) {
  std::vector<float> parts{1, 10, 2, 20, 4, 40, 9, 90};  // four of two
  for (int64_t i = 0; i < 2; ++i) TreeMean{parts.data(), 2, 4}(i);
  EXPECT_EQ(parts[0], 4);
  EXPECT_EQ(parts[1], 40);
  std::vector<float> tiny{0x1p-149f, 0x1p-149f, 0, 0x1p-149f};  // halves round to even, pair by pair
  TreeMean{tiny.data(), 1, 4}(0);
  EXPECT_EQ(tiny[0], 0);
}

}  // namespace
}  // namespace crc::test
