// Methods compared on the trials that they share: the area under each one's curve of accuracy by labels, and the paired
// differences of these areas.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "apps/rundir/rounds.h"

namespace crc::apps {

// Trapezoids over `labels`, ascending, divided by their range: the mean of `values` over the labels, in their unit. Of
// one point its value. Both have the same length, one or more.
double area_under(std::span<const double> labels, std::span<const double> values);

struct Estimate {
  int count = 0;
  double mean = kNone;
  double half = kNone;  // of the 95 % interval by Student's t; NaN for fewer than two values, as p
  double p = kNone;     // two-sided, that the mean is 0
};
Estimate estimate(std::span<const double> values);

struct MethodAreas {
  std::string name;
  std::map<int64_t, double> by_trial;  // percent; a trial that lacks a round is not among them
  Estimate all = {};                   // over them; compare() fills it in
};

struct Pair {
  size_t method, against;     // of Comparison::methods; `method` stands before `against` there
  Estimate difference;        // method minus against in points, over the trials that both have
  double area, against_area;  // means over these
  int wins, losses, ties;     // of `method`
  int64_t left_out;           // trials that one of the two lacks
  double p_holm;              // p after Holm's correction over all pairs of the comparison; NaN where p is
};
enum class Verdict { better, worse, none };
Verdict verdict(const Pair& pair, bool turned = false);  // p_holm below 0.05; turned: of `against`

// "better", "worse", "no difference that 10 trials show", "no trial in common"
std::string words(const Pair& pair, bool turned = false);

struct Comparison {
  std::vector<MethodAreas> methods;  // largest mean area first; those without a trial last
  std::vector<Pair> pairs;           // (0,1), (0,2), ..., (1,2), ...

  // The pair of two different methods, and whether it is the other way round there.
  const Pair& pair(size_t a, size_t b) const;
};

// `trials`: how many there are to be.
Comparison compare(std::vector<MethodAreas> methods, int64_t trials);

}  // namespace crc::apps
