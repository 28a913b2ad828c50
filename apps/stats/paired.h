// Methods compared on the trials that they share: the area under each one's curve of accuracy by labels, and the paired
// differences of these areas.
//
// The verdict is the paired t test's, corrected by Holm (1979) over all pairs. Not Wilcoxon's: of five trials its least
// p is 0.0625, so that it can never say "better", and of ten 0.002, too much for the 45 pairs of ten methods; and areas
// are means over a curve, near enough to normal. Wilcoxon's p stands beside, for who doubts that.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "apps/stats/bootstrap.h"
#include "apps/stats/curves.h"
#include "apps/stats/ranks.h"

namespace crc::apps {

struct Estimate {
  int count = 0;
  double mean = NAN;
  double deviation = NAN;  // of the sample (n - 1); NaN for fewer than two values, as the following
  double half = NAN;       // of the 95 % interval by Student's t
  double p = NAN;          // two-sided, that the mean is 0
};
Estimate estimate(std::span<const double> values);

struct MethodAreas {
  std::string name;
  std::map<int64_t, double> by_trial;                  // percent; a trial that lacks a round is not among them
  std::map<int64_t, std::vector<double>> curves = {};  // percent, at Comparison::labels; of the same trials, or empty
  // compare() fills in what all its trials come to:
  Estimate all = {};
  double median = NAN, interquartile = NAN;
  Interval median_interval = {}, interquartile_interval = {};  // 95 %
};

struct Pair {
  size_t method, against;                 // of Comparison::methods; `method` stands before `against` there
  Estimate difference = {};               // method minus against in points, over the trials that both have
  double area = NAN, against_area = NAN;  // means over these
  int wins = 0, losses = 0, ties = 0;     // of `method`
  int64_t left_out = 0;                   // trials that one of the two lacks
  double p_holm = NAN;                    // p after Holm's correction over all pairs of the comparison; NaN where p is
  double effect = NAN;                    // Cohen's d of paired values: mean / deviation
  SignedRanks ranks = {};
  int64_t needed =
      0;  // trials for 1 point: trials_needed at Holm's strictest level; 0: not known, or differences do not spread
  Saved saved{NAN, NAN, NAN};    // of the mean curves: labels that `method` saves
  Interval saved_interval = {};  // 95 %, bootstrap over trials
};
enum class Verdict { better, worse, none };
Verdict verdict(const Pair& pair, bool turned = false);  // p_holm below 0.05; turned: of `against`

// "better", "worse", "no difference that 10 trials show; 34 would be needed for 1 point", "no trial in common"
std::string words(const Pair& pair, bool turned = false);

struct Comparison {
  std::vector<double> labels = {};        // of the curves; may be empty
  std::vector<MethodAreas> methods = {};  // largest mean area first; those without a trial last
  std::vector<Pair> pairs = {};           // (0,1), (0,2), ..., (1,2), ...
  Ranking ranking = {};                   // of the methods that have a trial, over the trials that all of them have

  // The pair of two different methods, and whether it is the other way round there.
  const Pair& pair(size_t a, size_t b) const;
  // Of the widest 95 % interval of a difference, in points; infinite where a pair has none, 0 without pairs.
  double widest() const;
};

// `trials`: how many there are to be.
Comparison compare(std::vector<MethodAreas> methods, int64_t trials, std::vector<double> labels = {});

// The fewest trials, at least 2, with which a paired t test at `level` finds a difference of `points` in four of five
// sweeps, where differences have this standard deviation. kMostNeeded stands for that and more.
inline constexpr int64_t kMostNeeded = 100'000;
int64_t trials_needed(double deviation, double points, double level);

}  // namespace crc::apps
