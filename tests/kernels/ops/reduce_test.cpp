#include "kernels/ops/reduce.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Reduce : public OnDevice {
 protected:
  template <class T> void expect_column_sums(int64_t n, int64_t c) {
    SCOPED_TRACE(::testing::Message() << n << "," << c);
    const auto x0 = cast<T>(uniform(n * c, 1, -1, 2));
    const auto out0 = uniform(c, 2);
    Guarded<T, 2> x(context, {n, c}, x0, "x");
    Guarded<float, 1> out(context, {c}, out0, "out"), again(context, {c}, out0, "again");
    column_sum(context, out.view(), x.view());
    std::vector<double> expected(out0.begin(), out0.end());
    for (int64_t i = 0; i < n * c; ++i) expected[i % c] += double(float(x0[i]));
    expect_close(out.get(), expected, Class::reduce, Dtype::f32, "out");
    column_sum(context, again.view(), x.view());
    EXPECT_EQ(again.get(), out.get());
  }
  template <class T> void expect_column_sums() {
    for (int64_t c : {1, 3, 8, 10, 64, 128, 257})
      for (int64_t n : {0, 1, 2, 63, 64, 65, 1009}) expect_column_sums<T>(n, c);
  }
};

TEST_P(Reduce, SumAddsInFp64) {
  for (int64_t n : {0, 1, 31, 4097, 100003}) {
    auto x0 = uniform(n, 1, 0, 1);
    if (n > 1) x0[0] = 3e8f, x0[n - 1] = -3e8f;  // in fp32 everything between would lose its digits
    Guarded<float, 1> x(context, {n}, x0, "x"), out(context, {1}, {5.0f}, "out");
    sum(context, out.view(), x.view());
    double expected = 0;
    for (float v : x0) expected += v;
    expect_close(out.get(), std::vector<double>{expected}, Class::reduce, Dtype::f32, "sum");
    const auto once = out.get();
    sum(context, out.view(), x.view());
    EXPECT_EQ(out.get(), once);
  }
}

TEST_P(Reduce, ColumnSumAddsToWhatIsThere) { expect_column_sums<float>(); }

TEST_P(Reduce, ColumnSumOfBf16) { expect_column_sums<bf16>(); }

TEST_P(Reduce, RecordMeanWritesOneCellOfTheRing) {
  for (int64_t n : {1, 5, 10007}) {
    const auto x0 = uniform(n, 1);
    double mean = 0;
    for (float v : x0) mean += v / double(n);
    const StateOnDevice state(context, {.step = 11, .learning_rate = 0, .ema_decay = 0, .consistency_weight = 0});
    Guarded<float, 1> x(context, {n}, x0, "x");
    Guarded<float, 2> ring(context, {4, 3}, std::vector<float>(12, 2.0f), "ring");
    record_mean(context, ring.view(), x.view(), state.view(), 1);
    std::vector<double> expected(12, 2.0);
    expected[11 % 4 * 3 + 1] = mean;
    expect_close(ring.get(), expected, Class::reduce, Dtype::f32, "ring");
    EXPECT_THROW(record_mean(context, ring.view(), x.view(), state.view(), 3), Error);
    EXPECT_THROW(record_mean(context, ring.view(), x.view().slice(0, 0), state.view(), 1), Error);
  }
}

TEST_P(Reduce, NamesTheViewOfTheWrongShape) {
  Guarded<float, 1> x(context, {4}, uniform(4, 1), "x"), two(context, {2}, uniform(2, 1), "two");
  Guarded<float, 2> rows(context, {2, 3}, uniform(6, 1), "rows");
  EXPECT_THROW(sum(context, two.view(), x.view()), Error);
  EXPECT_THROW(column_sum(context, two.view(), rows.view()), Error);
}

CRC_ON_EACH_DEVICE(Reduce);

}  // namespace
}  // namespace crc::test
