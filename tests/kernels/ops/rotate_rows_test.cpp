#include "kernels/ops/rotate_rows.h"

#include "kernels/core/tensor.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class RotateRowsOp : public OnDevice {};

template <class T> void expect_rotated(Context& context, int64_t rows, int64_t n, int64_t width, int64_t rank) {
  SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(width) + " -> " + std::to_string(rank));
  const std::vector<float> draws = uniform(rows * width, 1, -2, 2), weights = uniform((width + 1) * rank, 2, -1, 1);
  const std::vector<T> h(draws.begin(), draws.end());
  const std::vector<double> rotation(weights.begin(), weights.end());
  std::vector<int64_t> items(n);
  for (int64_t k = 0; k < n; ++k) items[k] = (7 * k + 3) % rows;
  constexpr double kScale = 0.25;
  std::vector<double> expected;
  for (int64_t item : items)
    for (int64_t j = 0; j < rank; ++j) {
      double sum = 0;
      for (int64_t d = 0; d < width; ++d) sum = std::fma(kScale * h[item * width + d], rotation[d * rank + j], sum);
      expected.push_back(std::fma(kScale, rotation[width * rank + j], sum));
    }
  const Tensor features = Tensor::from_host(context, {rows, width}, h.data(), "features"),
               index = Tensor::from_host(context, {n}, items.data(), "items"),
               matrix = Tensor::from_host(context, {width + 1, rank}, rotation.data(), "rotation"),
               v(context, {n, rank}, Dtype::f64, "coordinates");
  rotate_rows(context, v.view<double, 2>(), features.view<const T, 2>(), index.view<const int64_t, 1>(),
              matrix.view<const double, 2>(), kScale);
  expect_close(v.to_host<double>(context), expected, Class::exact, Dtype::f64, "coordinates");
}

TEST_P(RotateRowsOp, IsOneChainOfFusedMultiplyAdds) {
  for (const auto& [n, width, rank] :
       {std::array<int64_t, 3>{1, 1, 1}, {5, 3, 4}, {6, 8, 9}, {49, 17, 8}, {100, 128, 129}, {0, 3, 2}, {7, 0, 1}}) {
    expect_rotated<float>(context, 53, n, width, rank);
    expect_rotated<double>(context, 53, n, width, rank);
  }
}

template <class T> void expect_augmented(Context& context, int64_t rows, int64_t n, int64_t width) {
  const std::vector<float> draws = uniform(rows * width, 1, -2, 2);
  const std::vector<T> h(draws.begin(), draws.end());
  std::vector<int64_t> items(n);
  std::vector<double> expected;
  for (int64_t k = 0; k < n; ++k) {
    items[k] = (7 * k + 3) % rows;
    for (int64_t d = 0; d < width; ++d) expected.push_back(double(h[items[k] * width + d]) * 0.125);
    expected.push_back(0.125);
  }
  const Tensor features = Tensor::from_host(context, {rows, width}, h.data(), "features"),
               index = Tensor::from_host(context, {n}, items.data(), "items");
  Guarded<double, 2> v(context, {n, width + 1}, std::vector<double>(n * (width + 1), 9), "v");
  augmented_rows(context, v.view(), features.view<const T, 2>(), index.view<const int64_t, 1>(), 0.125);
  expect_close(v.get(), expected, Class::exact, Dtype::f64, "augmented rows");
}

TEST_P(RotateRowsOp, AugmentsRows) {
  for (const auto& [n, width] : {std::array<int64_t, 2>{1, 1}, {5, 3}, {49, 17}, {100, 128}, {0, 3}, {7, 0}}) {
    expect_augmented<float>(context, 53, n, width);
    expect_augmented<double>(context, 53, n, width);
  }
}

CRC_ON_EACH_DEVICE(RotateRowsOp);

}  // namespace
}  // namespace crc::test
