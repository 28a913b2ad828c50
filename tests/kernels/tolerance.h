// The one table of tolerances, by numeric class of an op. Tests never type a tolerance.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/core/dtype.h"

namespace crc::test {

// exact: the same bits. point: a few roundings per element. reduce: sums in fp32 or of fp32 terms.
// library: oneDNN, cuDNN, BLAS, LAPACK choose the order of summation.
// network: through all layers of WRN-28-2, forward and backward, against an fp64 reference (bf16: of a small net,
// against fp32).
// autograd: through all layers of a small net in fp64, against PyTorch in fp64.
enum class Class { exact, point, reduce, library, network, autograd };

// Relative to the largest magnitude of the reference array.
inline double tolerance(Class c, Dtype dtype) {
  const double eps = dtype == Dtype::f64 ? 0x1p-52 : dtype == Dtype::bf16 ? 0x1p-8 : 0x1p-23;
  switch (c) {
    case Class::exact:
      return 0;
    case Class::point:
      return 4 * eps;
    case Class::reduce:
      return dtype == Dtype::bf16 ? 4 * eps : 32 * eps;
    case Class::library:
      return dtype == Dtype::bf16 ? 4 * eps : 64 * eps;
    case Class::network:
      return dtype == Dtype::bf16 ? 16 * eps : 1e-4;
    case Class::autograd:
      return 1e-9;
  }
  return 0;
}

// |actual - expected| <= tolerance * max|expected|, element by element; reports the worst element.
template <class A, class E>
void expect_close(const std::vector<A>& actual, const std::vector<E>& expected, Class c, Dtype dtype,
                  const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double scale = 0, worst = -1;
  size_t at = 0;
  for (const E& e : expected) scale = std::max(scale, std::abs(double(e)));
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(double(actual[i]) - double(expected[i]));
    if (!(error <= worst) && !std::isnan(worst)) worst = error, at = i;  // NaN becomes the worst, and stays it
  }
  if (actual.empty()) return;
  EXPECT_LE(worst, tolerance(c, dtype) * scale)
      << what << ": element " << at << " is " << double(actual[at]) << ", expected " << double(expected[at]);
}

}  // namespace crc::test
