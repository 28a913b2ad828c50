// Chi-squared tests of how often draws fall.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace crc::test {

// Seeds are fixed, so this either always passes or never: five standard deviations above the mean of chi-square.
inline void expect_frequencies(const std::vector<int64_t>& counts, const std::vector<double>& shares,
                               const char* what) {
  double total = 0, chi2 = 0, cells = 0;
  for (int64_t n : counts) total += double(n);
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * shares[i];
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0) << what << " " << i;
      continue;
    }
    chi2 += (double(counts[i]) - expected) * (double(counts[i]) - expected) / expected;
    ++cells;
  }
  EXPECT_GT(total, 0) << what;
  EXPECT_LT(chi2, cells - 1 + 5 * std::sqrt(2 * (cells - 1))) << what;
}
inline void expect_uniform(const std::vector<int64_t>& counts, const char* what) {
  expect_frequencies(counts, std::vector<double>(counts.size(), 1.0 / double(counts.size())), what);
}

}  // namespace crc::test
