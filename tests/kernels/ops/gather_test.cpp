#include "kernels/ops/gather.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Gather : public OnDevice {
 protected:
  template <class T> void check(Dtype dtype) {
    for (const int64_t m : {0, 1, 31, 133}) {
      for (const int64_t width : {0, 1, 7, 32, 129}) {
        const int64_t n = 13;
        const auto source = cast<T>(uniform(n * width, 1));
        std::vector<int64_t> picked(m);
        for (int64_t i = 0; i < m; ++i) picked[i] = (i * 5 + 12) % n;
        Guarded<T, 2> out(context, {m, width}, cast<T>(uniform(m * width, 2)), "out");
        const Guarded<T, 2> in(context, {n, width}, source, "in");
        const Guarded<int64_t, 1> rows(context, {m}, picked, "rows");
        gather_rows(context, out.view(), in.view(), rows.view());
        std::vector<T> expected;
        for (int64_t row : picked)
          expected.insert(expected.end(), source.begin() + row * width, source.begin() + (row + 1) * width);
        expect_close(out.get(), expected, Class::exact, dtype, "out");
      }
    }
  }
};

TEST_P(Gather, Floats) { check<float>(Dtype::f32); }
TEST_P(Gather, Doubles) { check<double>(Dtype::f64); }

TEST_P(Gather, Integers) {
  Guarded<int32_t, 1> out(context, {4}, {9, 9, 9, 9}, "out");
  const Guarded<int32_t, 1> in(context, {3}, {10, 1 << 30, -12}, "in");
  const Guarded<int64_t, 1> rows(context, {4}, {2, 1, 1, 0}, "rows");
  gather_rows(context, out.view(), in.view(), rows.view());
  EXPECT_EQ(out.get(), (std::vector<int32_t>{-12, 1 << 30, 1 << 30, 10}));
}

TEST_P(Gather, RefusesWrongShapesAndRows) {
  Guarded<float, 2> out(context, {2, 2}, {1, 2, 3, 4}, "out");
  const Guarded<float, 2> in(context, {3, 2}, {1, 2, 3, 4, 5, 6}, "in");
  const auto message = [&](const std::vector<int64_t>& picked) -> std::string {
    const Guarded<int64_t, 1> rows(context, {int64_t(picked.size())}, picked, "rows");
    try {
      gather_rows(context, out.view(), in.view(), rows.view());
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message({0, 1, 2}), "gather_rows: 'out' has shape [2,2], expected [3,2]");
  if (context.device().kind != DeviceKind::cpu) return;  // on CUDA an assertion in the kernel, which ends the process
  EXPECT_EQ(message({0, 3}), "gather_rows: row 3 at place 1 of 'rows' is outside 'in' [3,2]");
  EXPECT_EQ(message({-1, 0}), "gather_rows: row -1 at place 0 of 'rows' is outside 'in' [3,2]");
}

CRC_ON_EACH_DEVICE(Gather);

}  // namespace
}  // namespace crc::test
