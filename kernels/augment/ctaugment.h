// CTAugment (Berthelot et al. 2020, ReMixMatch; google-research/fixmatch libml/ctaugment.py): every operation's range
// is cut into bins, each with a rate that says how well the averaged model still recognises labelled images in it
// (ctaugment_update.h). Training draws among the bins whose rate is near the best; probes draw from the whole range.
#pragma once

#include "kernels/augment/registry.h"
#include "kernels/core/random.h"

namespace crc::augment {

inline constexpr int kCtOps = 19, kCtDepth = 2, kCtBins = 17, kCtFilters = 6;
inline constexpr int kCtRows = kCtOps + 1;          // of the rates: one per operation, and one for rescale's filter
inline constexpr float kCtThreshold = 0.8f;         // of a bin's rate over the best; the source's flag, not its class
inline constexpr float kCtFloor = float(1 - 0.99);  // added to every rate
inline constexpr double kCtDecay = 0.99;

// In the source's order. `rescale` stands for its six filters.
enum class CtOp : uint8_t {
  autocontrast,
  blur,
  brightness,
  color,
  contrast,
  cutout,
  equalize,
  invert,
  identity,
  posterize,
  rescale,
  rotate,
  sharpness,
  shear_x,
  shear_y,
  smooth,
  solarize,
  translate_x,
  translate_y,
};

CRC_HD int bins_of(CtOp op) { return op == CtOp::identity ? 0 : op == CtOp::posterize ? 8 : kCtBins; }

// A drawn operation: its levels in [0, 1), and the places of their rates in [kCtRows, kCtBins]; -1: no such level.
struct CtChoice {
  CtOp op;
  double level, filter_level;
  int rate, filter_rate;
};

// One level of `bins`: its bin by the rates of `row`, or uniform where there are none (probes).
CRC_HD double draw_level(Draws& draws, const float* row, int bins) {
  const double within = draws.uniform();
  const float u = draws.uniform();
  if (!row) return within;
  float best = 0, total = 0, p[kCtBins];
  for (int b = 0; b < bins; ++b) best = fmaxf(best, row[b] + kCtFloor);
  for (int b = 0; b < bins; ++b) {
    p[b] = (row[b] + kCtFloor) / best;
    if (p[b] < kCtThreshold) p[b] = 0;
    total += p[b];
  }
  float sum = 0;
  int bin = 0;
  for (int b = 0; b < bins; ++b) {
    if (p[b] == 0) continue;
    bin = b;  // rounding may leave u at the end of the sum
    sum += p[b];
    if (u * total < sum) break;
  }
  return (bin + within) / bins;
}

// Words: operation, then (place within the bin, bin) of its level and of its filter, all always taken.
CRC_HD CtChoice draw_choice(Draws& draws, const float* rates) {
  CtChoice c{};
  c.op = CtOp(draws.below(kCtOps));
  const int bins = bins_of(c.op), row = int(c.op);
  c.level = draw_level(draws, rates ? rates + row * kCtBins : nullptr, bins);
  c.filter_level = draw_level(draws, rates ? rates + kCtOps * kCtBins : nullptr, kCtFilters);
  c.rate = bins > 0 ? row * kCtBins + int(c.level * bins * 0.999) : -1;
  c.filter_rate = c.op == CtOp::rescale ? kCtOps * kCtBins + int(c.filter_level * kCtFilters * 0.999) : -1;
  return c;
}

CRC_HD int ct_cutout_side(double level, int width, int height) {
  return 1 + int(level * (width < height ? width : height) * 0.499);
}

// The operation and its value at a level. A cutout's centre is the caller's to draw.
CRC_HD PlannedOp ct_op(const CtChoice& c, int width, int height) {
  const double l = c.level, around_zero = (2 * l - 1) * 0.3;
  switch (c.op) {
    case CtOp::autocontrast:
      return {OpId::autocontrast, 0, float(l)};
    case CtOp::blur:
      return {OpId::blur, 0, float(l)};
    case CtOp::equalize:
      return {OpId::equalize, 0, float(l)};
    case CtOp::invert:
      return {OpId::invert, 0, float(l)};
    case CtOp::smooth:
      return {OpId::smooth, 0, float(l)};
    case CtOp::brightness:
      return {OpId::brightness, 0.1 + 1.9 * l};
    case CtOp::color:
      return {OpId::color, 0.1 + 1.9 * l};
    case CtOp::contrast:
      return {OpId::contrast, 0.1 + 1.9 * l};
    case CtOp::sharpness:
      return {OpId::sharpness, 0.1 + 1.9 * l};
    case CtOp::cutout:
      return {OpId::cutout, double(ct_cutout_side(l, width, height))};
    case CtOp::posterize:
      return {OpId::posterize, double(1 + int(l * 7.999))};
    case CtOp::rescale:
      return {OpId(int(OpId::rescale_lanczos) + int(c.filter_level * 5.99)), l * 0.25};
    case CtOp::rotate:
      return {OpId::rotate, rint((2 * l - 1) * 45)};
    case CtOp::shear_x:
      return {OpId::shear_x, around_zero};
    case CtOp::shear_y:
      return {OpId::shear_y, around_zero};
    case CtOp::solarize:
      return {OpId::solarize, double(int(l * 255.999))};
    case CtOp::translate_x:
      return {OpId::translate_x, around_zero};  // of a pixel: nothing moves, there as here
    case CtOp::translate_y:
      return {OpId::translate_y, around_zero};
    case CtOp::identity:
      break;
  }
  return {OpId::identity, 0};
}

}  // namespace crc::augment
