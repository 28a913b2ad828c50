#include "kernels/core/view.h"

#include "tests/kernels/core/expect_error.h"

namespace crc::test {
namespace {

struct ViewTest : public ::testing::Test {
  int data[24];
  View<int, 3> v{data, {2, 3, 4}, {}, "x"};
  ViewTest() {
    for (int i = 0; i < 24; ++i) data[i] = i;
  }
};

TEST_F(ViewTest, IsRowMajor) {
  EXPECT_EQ(v.size(), 24);
  EXPECT_EQ(v(0, 0, 1), 1);
  EXPECT_EQ(v(0, 1, 0), 4);
  EXPECT_EQ(v(1, 2, 3), 23);
  EXPECT_EQ(v[17], 17);
  EXPECT_EQ(v.flat().shape[0], 24);
  EXPECT_EQ(v.flat()(17), 17);
  EXPECT_EQ(shape_string(v), "[2,3,4]");
  EXPECT_EQ(shape_string(v.flat()), "[24]");
}

TEST_F(ViewTest, TheDefaultIsEmpty) {
  const View<float, 2> none;
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.data, nullptr);
  EXPECT_STREQ(none.name, "");
}

TEST_F(ViewTest, SlicesRowsOfTheFirstDimension) {
  const View<int, 3> last = v.slice(1, 2);
  EXPECT_EQ(shape_string(last), "[1,3,4]");
  EXPECT_EQ(last(0, 0, 0), 12);
  EXPECT_STREQ(last.name, "x");
  EXPECT_EQ(v.slice(0, 2).data, v.data);
  EXPECT_EQ(v.slice(2, 2).size(), 0);
  EXPECT_EQ((View<int, 2>{nullptr, {0, 5}, {}, "none"}).slice(0, 0).size(), 0);
}

TEST_F(ViewTest, RefusesSlicesOutside) {
  expect_error(ExitCode::internal, "slice [1, 3) of 'x' [2,3,4]", [&] { v.slice(1, 3); });
  expect_error(ExitCode::internal, "slice [-1, 1) of 'x' [2,3,4]", [&] { v.slice(-1, 1); });
  expect_error(ExitCode::internal, "slice [2, 1) of 'x' [2,3,4]", [&] { v.slice(2, 1); });
}

TEST_F(ViewTest, BecomesConstAndNothingElse) {
  const View<const int, 3> c = v;
  EXPECT_EQ(c.data, v.data);
  EXPECT_EQ(shape_string(c), "[2,3,4]");
  EXPECT_STREQ(c.name, "x");
  static_assert(std::is_convertible_v<View<int, 3>, View<const int, 3>>);
  static_assert(!std::is_convertible_v<View<const int, 3>, View<int, 3>>);
  static_assert(!std::is_convertible_v<View<int, 3>, View<const float, 3>>);
  static_assert(!std::is_convertible_v<View<int, 3>, View<const int, 2>>);
  static_assert(std::is_trivially_copyable_v<View<int, 3>>, "kernels take views by value");
}

TEST_F(ViewTest, CheckShapeNamesOpViewAndBothShapes) {
  check_shape("op", v, {2, 3, 4});
  check_shape("op", v, {-1, 3, -1});
  expect_error(ExitCode::internal, "op: 'x' has shape [2,3,4], expected [2,3,5]", [&] {
    check_shape("op", v, {2, 3, 5});
  });
  expect_error(ExitCode::internal, "op: 'x' has shape [2,3,4], expected [-1,4,3]", [&] {
    check_shape("op", v, {-1, 4, 3});
  });
}

TEST(Device, Names) {
  EXPECT_EQ(to_string(Device{}), "cpu");
  EXPECT_EQ(to_string(Device{DeviceKind::cuda, 3}), "cuda:3");
}

}  // namespace
}  // namespace crc::test
