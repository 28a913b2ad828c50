#include "kernels/ops/unit_rows.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class UnitRows : public OnDevice {};

const int64_t kUnitShapes[][2] = {{0, 8}, {1, 1}, {3, 2}, {31, 33}, {33, 31}, {7, 128}};

Row unit(const Row& y) {
  double square = 0;
  for (const double v : y) square += v * v;
  Row z;
  for (const double v : y) z.push_back(v / std::sqrt(square));
  return z;
}

TEST_P(UnitRows, AreOfLengthOneAndTheirGradientIsThatOfTheEquation) {
  for (const auto& [n, columns] : kUnitShapes) {
    const auto y0 = uniform(n * columns, 1, -2, 2), dz0 = uniform(n * columns, 2);
    Guarded<float, 2> y(context, {n, columns}, y0), z(context, {n, columns}, dz0), dy(context, {n, columns}, dz0);
    const Guarded<float, 2> dz(context, {n, columns}, dz0);
    unit_rows(context, z.view(), y.view());
    unit_rows_backward(context, dy.view(), dz.view(), y.view());
    std::vector<double> expected, gradient;
    for (int64_t i = 0; i < n; ++i) {
      const Row row = row_of(y0, i, columns), by = row_of(dz0, i, columns);
      for (const double v : unit(row)) expected.push_back(v);
      append_gradient(
          gradient,
          [&](const Row& x) {
            const Row u = unit(x);
            double sum = 0;
            for (size_t e = 0; e < u.size(); ++e) sum += u[e] * by[e];
            return sum;
          },
          row, 1);
    }
    expect_close(z.get(), expected, Class::reduce, Dtype::f32, "z");
    expect_close(dy.get(), gradient, Class::reduce, Dtype::f32, "dy");
    const auto first = dy.get();
    Guarded<float, 2> own(context, {n, columns}, dz0);
    unit_rows_backward(context, own.view(), own.view(), y.view());
    EXPECT_EQ(own.get(), first) << "in place";
    const auto lengths = z.get();
    unit_rows(context, y.view(), y.view());
    EXPECT_EQ(y.get(), lengths) << "in place";
  }
}

TEST_P(UnitRows, OfZerosAreZerosWithoutAGradient) {
  Guarded<float, 2> y(context, {2, 3}, {0, 0, 0, 0, 3, 4}), dy(context, {2, 3}, uniform(6, 1));
  const Guarded<float, 2> dz(context, {2, 3}, {1, 2, 3, 0, 3, 4});
  unit_rows_backward(context, dy.view(), dz.view(), y.view());
  unit_rows(context, y.view(), y.view());
  EXPECT_EQ(y.get(), (std::vector<float>{0, 0, 0, 0, 0.6f, 0.8f}));
  EXPECT_EQ(dy.get(), std::vector<float>(6, 0.0f));
}

TEST_P(UnitRows, RefuseWrongShapes) {
  Guarded<float, 2> y(context, {2, 3}, uniform(6, 1), "y"), z(context, {3, 2}, uniform(6, 2), "z");
  EXPECT_THROW(unit_rows(context, z.view(), y.view()), Error);
  EXPECT_THROW(unit_rows_backward(context, z.view(), y.view(), y.view()), Error);
}

CRC_ON_EACH_DEVICE(UnitRows);

}  // namespace
}  // namespace crc::test
