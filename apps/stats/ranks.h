// Tests that look at ranks alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace crc::apps {

std::vector<double> midranks(std::span<const double> values);  // 1 for the smallest; equal values share theirs

// Wilcoxon's signed-rank test (1945) that differences lie around 0; those that are 0 are left out.
struct SignedRanks {
  int count = 0;               // differences that are not 0
  double positive = 0;         // sum of their ranks, by size
  double p = 1;                // two-sided: exact up to 50 differences, ties included; above them by the normal limit
  double rank_biserial = NAN;  // (positive - negative) / all: 1 where all are positive; NaN of none
};
SignedRanks signed_ranks(std::span<const double> differences);

// Friedman's test (1937) that methods do not differ, and by how much mean ranks differ that Nemenyi's test (1963) tells
// apart at 5 % (Demsar 2006).
struct Ranking {
  int64_t trials = 0;
  std::vector<double> mean_rank = {};  // of each method, 1 for the largest values
  double chi_squared = NAN, p = NAN, critical_difference = NAN;
};
// `values` [trials][methods]; fewer than two of either: only the mean ranks.
Ranking rank_methods(std::span<const std::vector<double>> values);

// The longest runs of neighbours in the order of `mean_rank` that lie within the critical difference, as their first
// and last places in that order; runs of one are left out.
std::vector<std::pair<size_t, size_t>> not_told_apart(std::vector<double> mean_rank, double critical_difference);

}  // namespace crc::apps
