#include "apps/draw/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace crc::apps {
namespace {

double round_step(double span, int count) {
  const double raw = span / std::max(1, count);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power * 1.0001) return factor * power;
  }
  return 10 * power;
}

// Rounding is no span: 0.1 + 0.1 + 0.1 is not 0.3.
bool is_flat(double low, double high) { return !(high - low > 1e-9 * std::max(std::abs(low), std::abs(high))); }

}  // namespace

std::vector<double> round_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  if (is_flat(low, high)) return {low};
  const double step = round_step(high - low, count);
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (int k = 0; k <= int(last - first); ++k) ticks.push_back((first + k) * step);
  return ticks;
}

void round_outwards(double& low, double& high, int count) {
  if (is_flat(low, high)) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room;
    high += room;
  }
  const double step = round_step(high - low, count);
  low = std::floor(low / step + 1e-9) * step;
  high = std::ceil(high / step - 1e-9) * step;
}

std::string tick_text(double value) {
  if (std::abs(value) < 1e-12) return "0";
  if (std::abs(value) >= 1e6 || std::abs(value) < 1e-3) return fmt::format("{:.3g}", value);
  return fmt::format("{:.6g}", value);
}

}  // namespace crc::apps
