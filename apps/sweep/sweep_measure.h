// The four ways to name one accuracy of a round; every report shows all of them.
#pragma once

#include <string>

#include "apps/rundir/rounds.h"

namespace crc::apps {

struct Measure {
  const char* name;
  double RoundRow::*column;
  const char* meaning;
};
inline constexpr Measure kMeasures[] = {
    {"best", &RoundRow::acc_best, "best evaluation, chosen on the test set: what the paper's code bases report"},
    {"last", &RoundRow::acc_last, "after the last epoch"},
    {"median", &RoundRow::acc_median, "median of the last evaluations (eval.last, 20)"},
    {"validation", &RoundRow::acc_val, "test accuracy where the held-out validation split was best"}};

inline double RoundRow::*measure_column(const std::string& name) {
  for (const Measure& measure : kMeasures)
    if (name == measure.name) return measure.column;
  return &RoundRow::acc_best;
}

}  // namespace crc::apps
