// Everything that is drawn for one image, and the two ends of its way: from the pool into the first buffer, and from
// the last buffer through Cutout (and lee's flip and crop) to normalised values.
//   kekmodel, google, cutout, ctaugment: flip, crop -> operations -> Cutout -> normalise
//   lee:                                 operations -> Cutout -> flip, crop -> normalise
#pragma once

#include "kernels/augment/ctaugment.h"
#include "kernels/augment/cutout.h"
#include "kernels/augment/policy.h"
#include "kernels/augment/window.h"

namespace crc::augment {

struct Plan {
  static constexpr int kMaxOps = 3;
  Window window;
  Cutout cutout;
  PlannedOp ops[kMaxOps];  // only those that change the image
  int op_count;
  bool window_last;
  bool grey_uncovered;  // uncovered pixels show mid-grey instead of black
};

// Words: window (3); kekmodel and google: 2 x (operation, level, gate, sign), then Cutout's x, y; lee: 3 x (operation,
// value), then Cutout's side, x, y; ctaugment: 2 x (draw_choice's 5, then a cutout's centre x, y), then Cutout's x, y.
// `rates` [kCtRows, kCtBins]: what ctaugment has learnt; only it reads them.
CRC_HD Plan draw_plan(const AugmentConfig& config, int64_t id, int64_t slot, int64_t step, int width, int height,
                      const float* rates = nullptr) {
  Draws draws(config.seed, config.purpose, id | slot << 32, step);
  Plan plan;
  plan.window = draw_window(config, draws, step);
  plan.cutout = Cutout::none();
  plan.op_count = 0;
  plan.window_last = config.strong == Policy::randaugment_lee;
  plan.grey_uncovered = config.strong == Policy::randaugment_google;
  switch (config.strong) {
    case Policy::none:
      break;
    case Policy::cutout:
      plan.cutout = kekmodel_cutout(draws, width, height);
      break;
    case Policy::randaugment_lee:
      for (int i = 0; i < 3; ++i) {
        const OpId op = OpId(draws.below(kPoolSize));
        const double u = draws.uniform();
        if (op != OpId::identity) plan.ops[plan.op_count++] = {op, lee_value(op, u, width, height)};
      }
      plan.cutout = lee_cutout(draws, width, height);
      break;
    case Policy::ctaugment:
    case Policy::ctaugment_probe: {
      const bool probe = config.strong == Policy::ctaugment_probe;
      for (int i = 0; i < kCtDepth; ++i) {
        PlannedOp planned = ct_op(draw_choice(draws, probe ? nullptr : rates), width, height);
        planned.x = int16_t(draws.below(uint32_t(width))), planned.y = int16_t(draws.below(uint32_t(height)));
        if (planned.op != OpId::identity) plan.ops[plan.op_count++] = planned;
      }
      if (!probe) plan.cutout = ct_cutout(draws, width, height);
      break;
    }
    case Policy::randaugment_kekmodel:
    case Policy::randaugment_google: {
      const bool google = config.strong == Policy::randaugment_google;
      for (int i = 0; i < 2; ++i) {
        const OpId op = OpId(draws.below(kPoolSize));
        const int level = 1 + int(draws.below(kLevels));
        const bool applied = draws.coin(), negative = draws.coin();
        if (!applied || op == OpId::identity) continue;
        plan.ops[plan.op_count++] = {
            op, google ? google_value(op, level, negative) : kekmodel_value(op, level, negative, width, height)};
      }
      plan.cutout = google ? google_cutout(draws, width, height) : kekmodel_cutout(draws, width, height);
      break;
    }
  }
  return plan;
}

// Pixel (x, y) of the first buffer; raw [height, width, 3].
CRC_HD Pixel first_pixel(const Plan& plan, const uint8_t* raw, int width, int height, int x, int y) {
  if (!plan.window_last && !plan.window.source(x, y, width, height)) return {{0, 0, 0}, 255};
  const uint8_t* p = raw + (int64_t(y) * width + x) * 3;
  return {{p[0], p[1], p[2]}, 255};
}

// Pixel (x, y) of the output.
CRC_HD Pixel last_pixel(const Plan& plan, const Image& image, int x, int y) {
  if (plan.window_last && !plan.window.source(x, y, image.width, image.height)) return {{0, 0, 0}, 255};
  return plan.cutout.covers(x, y) ? plan.cutout.color : image(x, y);
}

// The normalised value of every pixel value, and of mid-grey (0.5): exact, and far cheaper than two divisions each.
struct NormalizeTable {
  static constexpr int kValues = 257, kMidGrey = 256;
  float value[3][kValues];

  CRC_HD void fill(const NormalizeConfig& config, int i) {  // i < 3 * kValues
    const int c = i / kValues, v = i % kValues;
    value[c][v] = v == kMidGrey ? (0.5f - config.mean[c]) / config.std[c] : config(uint8_t(v), c);
  }
  CRC_HD float operator()(const Plan& plan, const Pixel& p, int c) const {
    return value[c][plan.grey_uncovered && p.covered == 0 ? kMidGrey : p.c[c]];
  }
};

}  // namespace crc::augment
