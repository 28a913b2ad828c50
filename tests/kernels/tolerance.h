// Comparison of arrays within the tolerances of kernels/core/numeric_class.h.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/core/numeric_class.h"

namespace crc::test {

using Class = NumericClass;

// |actual - expected| <= tolerance * max|expected|, element by element; reports the worst element. length: the terms of
// each sum.
template <class A, class E>
void expect_close(const std::vector<A>& actual, const std::vector<E>& expected, Class c, Dtype dtype, const char* what,
                  int64_t length = 1) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double scale = 0, worst = -1;
  size_t at = 0;
  for (const E& e : expected) scale = std::max(scale, std::abs(double(e)));
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(double(actual[i]) - double(expected[i]));
    if (!(error <= worst) && !std::isnan(worst)) worst = error, at = i;  // NaN becomes the worst, and stays it
  }
  if (actual.empty()) return;
  EXPECT_LE(worst, tolerance(c, dtype, length) * scale)
      << what << ": element " << at << " is " << double(actual[at]) << ", expected " << double(expected[at]);
}

}  // namespace crc::test
