// Pictures of a comparison.
#pragma once

#include <vector>

#include "apps/draw/chart.h"
#include "apps/stats/paired.h"

namespace crc::apps {

// Mean ranks on a line, and bars over methods that Nemenyi's test does not tell apart (Demsar 2006, Figure 1).
struct RankChart {
  std::string title, description;
  std::vector<std::string> names;
  std::vector<double> mean_rank;
  double critical_difference = 0;
  int width = 760, height = 0;  // height: by how many names there are
};
RankChart rank_chart(const Comparison& comparison);

// Of each method against one: a dot for each trial, the mean and its 95 % interval.
struct DifferenceRow {
  std::string name;
  std::vector<double> differences;  // points
  Estimate estimate;
  Ink ink;
};
struct DifferenceChart {
  std::string title, description;
  std::vector<DifferenceRow> rows;
  int width = 760, height = 0;
};
DifferenceChart difference_chart(const Comparison& comparison, size_t against);

// One curve per trial.
LineChart trial_curves(const Comparison& comparison, size_t method);

void draw(Canvas& canvas, const RankChart& chart);
void draw(Canvas& canvas, const DifferenceChart& chart);

}  // namespace crc::apps
