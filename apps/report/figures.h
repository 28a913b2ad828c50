// The paper's figures as charts.
#pragma once

#include "apps/report/summary.h"
#include "apps/sweep/sweep.h"

namespace crc::apps {

// Accuracy by labels of one block, with the paper's numbers as hollow dots of the same colour.
LineChart comparison_chart(const Sweep& sweep, size_t block, const std::vector<RunGroup>& groups);

// Figure 2, right: what each query added, in percentage points over the round before.
LineChart gains_chart(const std::vector<RunGroup>& groups, double RoundRow::*column);

// Figure 3 (a): log10 of the chosen groups' smallest positive eigenvalues against the epochs until the next round's
// test loss was smallest; one colour per query. With a line fitted by least squares, its slope and the correlation.
LineChart horizon_chart(const std::vector<const RunRecord*>& runs);
struct Fit {
  double slope = kNone, intercept = kNone, correlation = kNone;
  int count = 0;
};
Fit fit_line(const std::vector<Point>& points);
// "slope -1.2, r -0.61 (95 %: -0.85 to -0.17)", the interval of r; says where no slope can be seen, or queries are few.
std::string describe(const Fit& fit, int64_t queries);

// Figure 3 (b): how the candidates' scores are distributed at each query, in log10.
LineChart eigenvalue_chart(const std::vector<const RunRecord*>& runs);

// Epoch, from 1, of the smallest test loss of a round; 0 when there is none.
int64_t best_loss_epoch(const RunRecord& run, int64_t round);

}  // namespace crc::apps
