// All operations. To add one: ops/<name>.h, its include here and its line in registry.def.
#pragma once

#include "kernels/augment/ops/autocontrast.h"
#include "kernels/augment/ops/brightness.h"
#include "kernels/augment/ops/color.h"
#include "kernels/augment/ops/contrast.h"
#include "kernels/augment/ops/equalize.h"
#include "kernels/augment/ops/identity.h"
#include "kernels/augment/ops/invert.h"
#include "kernels/augment/ops/posterize.h"
#include "kernels/augment/ops/rotate.h"
#include "kernels/augment/ops/sharpness.h"
#include "kernels/augment/ops/shear_x.h"
#include "kernels/augment/ops/shear_y.h"
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

}  // namespace crc::augment
