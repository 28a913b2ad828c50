#include "kernels/ops/merge_parts.h"

#include <gtest/gtest.h>

#include "kernels/core/tensor.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class MergeParts : public OnDevice {
 protected:
  std::vector<double> merged(const std::vector<double>& a, const std::vector<double>& b, Meeting::Of what) {
    const int64_t n = int64_t(a.size());
    const Tensor into = Tensor::from_host(context, {n}, a.data(), "into");
    const Tensor other = Tensor::from_host(context, {n}, b.data(), "other");
    merge_parts(context, into.view<double, 1>(), other.view<double, 1>(), what);
    return into.to_host<double>(context);
  }
};

TEST_P(MergeParts, SumsAreAdded) {
  EXPECT_EQ(merged({1, 2, 3, 0.5}, {10, 20, 30, 0.25}, Meeting::Of::sums), (std::vector<double>{11, 22, 33, 0.75}));
}

// Two channels: counts, means, squared deviations. Of 1, 3 and of 5; of nothing and of 2, 4.
TEST_P(MergeParts, MomentsAreThoseOfBoth) {
  EXPECT_EQ(merged({2, 0, 2, 0, 2, 0}, {1, 2, 5, 3, 0, 2}, Meeting::Of::moments),
            (std::vector<double>{3, 2, 3, 3, 8, 2}));
}

CRC_ON_EACH_DEVICE(MergeParts);

}  // namespace
}  // namespace crc::test
