#include "kernels/ops/unfold.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class UnfoldOp : public OnDevice {};

struct Sizes {
  int64_t n, h, w, c;
  UnfoldConfig config;
};
constexpr Sizes kSizes[] = {{0, 4, 4, 3, {}},         {1, 1, 1, 1, {}},        {2, 5, 7, 3, {}},
                            {3, 6, 5, 4, {3, 2, 1}},  {2, 4, 4, 2, {1, 1, 0}}, {2, 7, 5, 3, {1, 2, 0}},
                            {1, 8, 9, 17, {5, 3, 2}}, {2, 32, 32, 16, {}}};

template <class T> std::vector<T> unfolded(Context& context, const Sizes& s, const std::vector<T>& x) {
  const int64_t rows = s.n * s.config.out(s.h) * s.config.out(s.w), width = s.config.kernel * s.config.kernel * s.c;
  const Guarded<T, 4> in(context, {s.n, s.h, s.w, s.c}, x, "x");
  Guarded<T, 2> columns(context, {rows, width}, std::vector<T>(rows * width, T(5)), "columns");
  unfold(context, columns.view(), in, s.config);
  return columns.get();
}

template <class T> void equals_the_equation(Context& context) {
  for (const Sizes& s : kSizes) {
    const auto x = cast<T>(uniform(s.n * s.h * s.w * s.c, 1));
    std::vector<T> expected;
    for (int64_t n = 0; n < s.n; ++n)
      for (int64_t p = 0; p < s.config.out(s.h); ++p)
        for (int64_t q = 0; q < s.config.out(s.w); ++q)
          for (int64_t r = 0; r < s.config.kernel; ++r)
            for (int64_t t = 0; t < s.config.kernel; ++t)
              for (int64_t c = 0; c < s.c; ++c) {
                const int64_t y = p * s.config.stride + r - s.config.pad, z = q * s.config.stride + t - s.config.pad;
                const bool inside = y >= 0 && y < s.h && z >= 0 && z < s.w;
                expected.push_back(inside ? x[((n * s.h + y) * s.w + z) * s.c + c] : T(0));
              }
    EXPECT_EQ(unfolded(context, s, x), expected);
  }
}
TEST_P(UnfoldOp, EqualsTheEquationFp32) { equals_the_equation<float>(context); }
TEST_P(UnfoldOp, EqualsTheEquationFp64) { equals_the_equation<double>(context); }

// <unfold(x), columns> = <x, fold(columns)> for every x: here for every unit vector x.
template <class T> void fold_is_the_adjoint(Context& context) {
  for (const Sizes& s : kSizes) {
    const int64_t size = s.n * s.h * s.w * s.c;
    if (size > 1000) continue;
    const int64_t rows = s.n * s.config.out(s.h) * s.config.out(s.w), width = s.config.kernel * s.config.kernel * s.c;
    const auto values = cast<T>(uniform(rows * width, 2));
    std::vector<double> expected;
    for (int64_t i = 0; i < size; ++i) {
      std::vector<T> unit(size, T(0));
      unit[i] = 1;
      const auto columns = unfolded(context, s, unit);
      double total = 0;
      for (size_t k = 0; k < columns.size(); ++k) total += double(columns[k]) * double(values[k]);
      expected.push_back(total);
    }
    const Guarded<T, 2> columns(context, {rows, width}, values, "columns");
    Guarded<T, 4> dx(context, {s.n, s.h, s.w, s.c}, std::vector<T>(size, T(5)), "dx");
    fold(context, dx.view(), columns, s.config);
    expect_close(dx.get(), expected, Class::point, DtypeOf<T>::value, "dx");
  }
}
TEST_P(UnfoldOp, FoldIsTheAdjointFp32) { fold_is_the_adjoint<float>(context); }
TEST_P(UnfoldOp, FoldIsTheAdjointFp64) { fold_is_the_adjoint<double>(context); }

TEST_P(UnfoldOp, WrongShapeIsAnError) {
  const Guarded<float, 4> x(context, {1, 2, 2, 3}, uniform(12, 1), "x");
  Guarded<float, 2> columns(context, {4, 9}, uniform(36, 1), "columns");
  EXPECT_THROW(unfold(context, columns.view(), x, UnfoldConfig{}), Error);
}

CRC_ON_EACH_DEVICE(UnfoldOp);

}  // namespace
}  // namespace crc::test
