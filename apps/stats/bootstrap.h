// Averages of few values, and bootstrap intervals of what has no formula for one.
//
// Resampling is stratified (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical
// precipice"): as many values as a stratum has are drawn from it, with replacement, in each of kReplicates replicates.
// Draws are Philox numbers of (replicate, stratum, place), so the same values have the same interval on every machine.
//
// Tails: plain percentiles are too narrow for few values, since a resample of n spreads as if divided by n, not n - 1.
// Where the smallest stratum has n values, the percentiles are those at Phi(-z) and Phi(z), z = 1.96 sqrt(n / (n - 1)),
// in place of 2.5 and 97.5 (Hesterberg 2015, "What teachers should know about the bootstrap", without his further
// factor for means, t in place of 1.96): interquartile means of ten normal values are covered in 95 of 100 cases, of
// seven in 93, of five in 90. Medians have no bootstrap here, which covers that of seven values in 87 cases, but order
// statistics; and means have Student's t (apps/stats/paired.h), which covers in 95 at any n where values are normal,
// while percentiles of ten do in 90.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace crc::apps {

double mean(std::span<const double> values);    // NaN of none, as the others
double median(std::span<const double> values);  // of an even number the mean of the middle two
// The mean without the floor(n / 4) smallest and as many largest: scipy.stats.trim_mean(x, 0.25).
double interquartile_mean(std::span<const double> values);
// Linear between sorted values, as NumPy's: probability 0 is the smallest, 1 the largest.
double quantile(std::span<const double> sorted, double probability);

struct Interval {
  double low = NAN, high = NAN;
};

// 95 % interval of the median, whatever the distribution: between order statistics, interpolated (Hettmansperger and
// Sheather 1986). NaN of fewer than six values, whose smallest and largest hold it in less than 95 of 100 cases.
Interval median_interval(std::span<const double> values);

inline constexpr uint32_t kReplicates = 2000;

// Which of a stratum's `count` values replicate `replicate` has, [count].
std::vector<uint32_t> resample(uint32_t replicate, uint32_t stratum, uint32_t count);

// Percentiles of `replicates`, in any order, whose `smallest` stratum had so many values; NaN where that is below 2.
Interval interval_of(std::vector<double> replicates, size_t smallest);

// Of a statistic of all values of all strata together.
using Statistic = std::function<double(std::span<const double>)>;
Interval bootstrap(std::span<const std::vector<double>> strata, const Statistic& statistic);

}  // namespace crc::apps
