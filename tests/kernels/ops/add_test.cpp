#include "kernels/ops/add.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class AddOp : public OnDevice {};

TEST_P(AddOp, EqualsTheSum) {
  for (int64_t n : {0, 1, 3, 4, 7, 8191, 8192, 20011}) {
    const auto a0 = uniform(n, 1), b0 = uniform(n, 2);
    Guarded<float, 1> a(context, {n}, a0, "a"), b(context, {n}, b0, "b"), out(context, {n}, a0, "out");
    add(context, out.view(), a.view(), b.view());
    std::vector<float> expected(n);
    for (int64_t i = 0; i < n; ++i) expected[i] = a0[i] + b0[i];
    expect_close(out.get(), expected, Class::exact, Dtype::f32, "out");
    add(context, a.view(), a.view(), b.view());  // in place
    EXPECT_EQ(a.get(), expected);
    EXPECT_EQ(b.get(), b0);
  }
}

// Views that begin off a 16-byte boundary, where a thread cannot move 16 bytes at once.
TEST_P(AddOp, TakesAnyAlignment) {
  const int64_t n = 1003;
  const auto a0 = uniform(n, 1), b0 = uniform(n, 2);
  for (int64_t shift : {1, 2, 3}) {
    Guarded<float, 1> a(context, {n}, a0, "a"), b(context, {n}, b0, "b"), out(context, {n}, a0, "out");
    add(context, out.view().slice(shift, n), a.view().slice(0, n - shift), b.view().slice(shift, n));
    std::vector<float> expected = a0;
    for (int64_t i = shift; i < n; ++i) expected[i] = a0[i - shift] + b0[i];
    EXPECT_EQ(out.get(), expected);
  }
}

TEST_P(AddOp, RoundsOnceInBf16) {
  for (int64_t n : {1, 8, 4099}) {
    const auto a0 = cast<bf16>(uniform(n, 1)), b0 = cast<bf16>(uniform(n, 2));
    Guarded<bf16, 1> a(context, {n}, a0, "a"), b(context, {n}, b0, "b"), out(context, {n}, a0, "out");
    add(context, out.view(), a.view(), b.view());
    const auto actual = out.get();
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(float(actual[i]), float(bf16(float(a0[i]) + float(b0[i])))) << i;
  }
}

TEST_P(AddOp, NamesTheViewOfTheWrongShape) {
  Guarded<float, 1> a(context, {4}, uniform(4, 1), "a"), b(context, {5}, uniform(5, 2), "b");
  EXPECT_THROW(add(context, a.view(), a.view(), b.view()), Error);
}

CRC_ON_EACH_DEVICE(AddOp);

}  // namespace
}  // namespace crc::test
