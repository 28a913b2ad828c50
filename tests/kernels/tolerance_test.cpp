#include "tests/kernels/tolerance.h"

#include <gtest/gtest-spi.h>

namespace crc::test {
namespace {

void compare(const std::vector<float>& actual, const std::vector<float>& expected, Class c = Class::point) {
  expect_close(actual, expected, c, Dtype::f32, "x");
}

TEST(ExpectClose, AcceptsWhatIsCloseToTheLargest) {
  compare({}, {});
  compare({1, 1e-9f}, {1, 2e-9f});
  compare({1, 2}, {1, 2}, Class::exact);
}

TEST(ExpectClose, RefusesEveryOtherElement) {
  EXPECT_NONFATAL_FAILURE(compare({1, 2, 3}, {1, 2.001f, 3}), "element 1 is 2, expected 2.00");
  EXPECT_NONFATAL_FAILURE(compare({1, 1e-9f}, {1, 2e-9f}, Class::exact), "element 1");
  EXPECT_NONFATAL_FAILURE(compare({NAN, 2, 3}, {1, 2, 3}), "element 0 is nan");
  EXPECT_NONFATAL_FAILURE(compare({1, 2, NAN}, {1, 2, 3}), "element 2 is nan");
  EXPECT_NONFATAL_FAILURE(compare({INFINITY, 2}, {1, 2}), "element 0 is inf");
  EXPECT_NONFATAL_FAILURE(compare({1, 2}, {NAN, 2}), "expected nan");
  EXPECT_NONFATAL_FAILURE(compare({1e-30f}, {0}), "element 0");
  EXPECT_FATAL_FAILURE(expect_close(std::vector<float>{1}, std::vector<float>{}, Class::point, Dtype::f32, "x"), "x");
}

}  // namespace
}  // namespace crc::test
