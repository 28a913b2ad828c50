// Scales and ticks, shared by the charts.
#pragma once

#include <string>
#include <vector>

namespace crc::apps {

// A linear map from data to pixels.
struct Scale {
  double low, high, from, to;
  double operator()(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

// Round numbers (1, 2 or 5 times a power of ten) inside [low, high], about `count` of them.
std::vector<double> round_ticks(double low, double high, int count);

// Widens [low, high] to round numbers; a single value gets room on both sides.
void round_outwards(double& low, double& high, int count);

std::string tick_text(double value);

}  // namespace crc::apps
