// rounds/NN/scores.json: how the acquisition scores of one query were distributed, and those that were chosen. Small
// enough for the report; the scores themselves may be many millions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/chart.h"

namespace crc::apps {

struct ScoreHistogram {
  double low = 0, high = 0;     // of the finite scores
  std::vector<int64_t> counts;  // equal bins from low to high
  std::vector<double> chosen;   // scores of the chosen candidates
  int64_t not_finite = 0;
  // Of the positive scores: floor(kBinsPerDecade * log10(score)) -> how many. Bins of different queries line up.
  std::map<int64_t, int64_t> decades;
};
inline constexpr int kBinsPerDecade = 10;

ScoreHistogram make_histogram(std::span<const double> scores, std::span<const int64_t> chosen, int bins = 60);
BarChart score_chart(const ScoreHistogram& histogram, const std::string& title);  // the chosen ones marked
std::string to_json(const ScoreHistogram& histogram);
ScoreHistogram histogram_from_json(std::string_view text, const std::string& name);  // Error 65

}  // namespace crc::apps
