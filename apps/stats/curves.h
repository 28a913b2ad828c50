// Curves of accuracy by labels.
#pragma once

#include <span>
#include <vector>

namespace crc::apps {

// Trapezoids over `labels`, ascending, divided by their range: the mean of `values` over the labels, in their unit. Of
// one point its value. Both have the same length, one or more.
double area_under(std::span<const double> labels, std::span<const double> values);

// Where `values` first reach `value`, linear between points; the first of `labels` where they begin above it, NaN where
// they never do.
double labels_for(std::span<const double> labels, std::span<const double> values, double value);

// What `other` needs to be as accurate as `one` less what `one` needs, at the highest accuracy that both reach: labels
// that `one` saves.
struct Saved {
  double accuracy, labels, of;  // `of`: what `other` needs
};
Saved labels_saved(std::span<const double> labels, std::span<const double> one, std::span<const double> other);

}  // namespace crc::apps
