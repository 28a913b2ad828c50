#include "apps/stats/curves.h"

#include <algorithm>
#include <cmath>

namespace crc::apps {

double area_under(std::span<const double> labels, std::span<const double> values) {
  if (labels.size() == 1) return values[0];
  double area = 0;
  for (size_t i = 1; i < labels.size(); ++i) area += (labels[i] - labels[i - 1]) * (values[i] + values[i - 1]) / 2;
  return area / (labels.back() - labels.front());
}

double labels_for(std::span<const double> labels, std::span<const double> values, double value) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < value) continue;
    if (i == 0) return labels[0];
    return labels[i - 1] + (labels[i] - labels[i - 1]) * (value - values[i - 1]) / (values[i] - values[i - 1]);
  }
  return NAN;
}

Saved labels_saved(std::span<const double> labels, std::span<const double> one, std::span<const double> other) {
  const double accuracy = std::min(std::ranges::max(one), std::ranges::max(other));
  const double needed = labels_for(labels, other, accuracy);
  return {accuracy, needed - labels_for(labels, one, accuracy), needed};
}

}  // namespace crc::apps
