// Augmentation of a whole batch in one launch: gather by id, augment in uint8, normalise.
// images [N,H,W,3] uint8 (the pool, resident on the device); ids [B]; y [B,H,W,3] fp32 or bf16.
// The draws of batch slot i come from (seed, purpose, ids[i] , step, slot i): a pure function, whatever the thread or
// device. Class: exact up to the normalisation (point).
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/normalize.h"

namespace crc::augment {

enum class Policy : uint8_t {
  none,
  randaugment_kekmodel,  // 2 of 14 ops, each with p = 0.5, integer levels 1..9, then a 16-pixel Cutout
  randaugment_lee,       // 3 of 14 ops, always, continuous magnitudes, random Cutout; before flip and crop
  randaugment_google,    // 2 of 14 ops, p = 0.5, wider ranges, grey fill, Cutout
  cutout,                // only the Cutout of kekmodel
};

enum class Padding : uint8_t { reflect, zero };

struct AugmentConfig {
  uint32_t seed = 0;
  Purpose purpose = Purpose::weak_augment;
  bool flip = true;  // horizontal, p = 0.5
  int crop_pad = 4;  // pixels on every side; 0: no crop
  Padding padding = Padding::reflect;
  bool crop_per_batch = false;  // one offset for the whole batch and step (perrying's Mean Teacher)
  Policy strong = Policy::none;
  NormalizeConfig normalize;
};

CRC_OP(void, augment_batch,
       (View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, View<const StepState, 1> state,
        AugmentConfig config))
CRC_OP_BF16(void, augment_batch,
            (View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, View<const StepState, 1> state,
             AugmentConfig config))

}  // namespace crc::augment
