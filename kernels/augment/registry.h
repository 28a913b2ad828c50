// All operations. To add one: ops/<name>.h, its include here and its line in registry.def.
#pragma once

#include "kernels/augment/ops/autocontrast.h"
#include "kernels/augment/ops/blur.h"
#include "kernels/augment/ops/brightness.h"
#include "kernels/augment/ops/color.h"
#include "kernels/augment/ops/contrast.h"
#include "kernels/augment/ops/cutout.h"
#include "kernels/augment/ops/equalize.h"
#include "kernels/augment/ops/identity.h"
#include "kernels/augment/ops/invert.h"
#include "kernels/augment/ops/posterize.h"
#include "kernels/augment/ops/rescale.h"
#include "kernels/augment/ops/rotate.h"
#include "kernels/augment/ops/sharpness.h"
#include "kernels/augment/ops/shear_x.h"
#include "kernels/augment/ops/shear_y.h"
#include "kernels/augment/ops/smooth.h"
#include "kernels/augment/ops/solarize.h"
#include "kernels/augment/ops/translate_x.h"
#include "kernels/augment/ops/translate_y.h"

namespace crc::augment {

enum class OpId : uint8_t {
#define CRC_AUGMENT_OP(name, Type) name,
#include "kernels/augment/registry.def"
#undef CRC_AUGMENT_OP
};

// RandAugment of FixMatch draws from the first 14.
inline constexpr uint32_t kPoolSize = 14;
static_assert(OpId(kPoolSize - 1) == OpId::translate_y, "the pool of RandAugment has changed");

// One operation of a chain. The result is mixed with the image before it: image + mix * (result - image).
struct PlannedOp {
  OpId op;
  double value;
  float mix = 1;
  int16_t x = 0, y = 0;  // centre of a cutout
};

// An operation's pixel as it was planned.
template <class Op> struct MixedOp {
  Op op;
  float mix;

  CRC_HD MixedOp(const PlannedOp& planned, const Image& image, const Stats& stats)
      : op(planned.value, image, stats), mix(planned.mix) {
    if constexpr (requires(Op o) { o.move_to(0, 0); }) op.move_to(planned.x, planned.y);
  }
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = op(image, x, y);
    if (mix != 1)
      for (int c = 0; c < 3; ++c) p.c[c] = blend(image(x, y).c[c], p.c[c], mix);
    return p;
  }
};

}  // namespace crc::augment
