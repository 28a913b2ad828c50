// Augmentation of a whole batch in one launch: gather by id, augment in uint8, normalise.
// images [N,H,W,3] uint8 (the pool, resident on the device), H W <= 512 * 512; ids [B] in [0, N); y [B,H,W,3] fp32 or bf16.
// y and images must not overlap. The draws of batch slot i are Draws(seed, purpose, ids[i] | i << 32, state[0].step),
// in the order of plan.h: a pure function, whatever the thread, the device or the rest of the batch. With
// crop_per_batch the offset alone comes from item -1. Class: exact; the last step is NormalizeConfig's arithmetic, the
// same on every device.
#pragma once

#include <algorithm>

#include "kernels/augment/ctaugment.h"
#include "kernels/core/choice.h"
#include "kernels/core/op.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/normalize.h"

namespace crc::augment {

// policies.def, and what no run asks for.
enum class Policy : uint8_t {
#define CRC_AUGMENT_POLICY(name, description, source) name,
#include "kernels/augment/policies.def"
#undef CRC_AUGMENT_POLICY
  none,
  ctaugment_probe,  // 2 of 19 operations at any level: what the rates of ctaugment learn from
};
inline constexpr std::string_view kPolicyWords[] = {
#define CRC_AUGMENT_POLICY(name, description, source) #name,
#include "kernels/augment/policies.def"
#undef CRC_AUGMENT_POLICY
};
constexpr Words words_of(Policy) { return kPolicyWords; }

CRC_CHOICE(Padding, reflect, zero)

struct AugmentConfig {
  uint32_t seed = 0;
  Purpose purpose = Purpose::weak_augment;
  bool flip = true;  // horizontal, p = 0.5
  int crop_pad = 4;  // pixels on every side; 0: no crop
  Padding padding = Padding::reflect;
  bool crop_per_batch = false;  // one offset for the whole batch and step (perrying's Mean Teacher)
  Policy strong = Policy::none;
  NormalizeConfig normalize = {};
};

inline constexpr int kMaxPixels = 512 * 512;  // of one image
// Two copies of an image of so many pixels fit in the shared memory of a block, on every GPU; of larger ones they are in
// scratch memory.
inline constexpr int kMostSharedPixels = 96 * 96;

CRC_OP(void, augment_batch,
       (View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, View<const StepState, 1> state,
        AugmentConfig config))
CRC_OP(void, augment_batch,
       (View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, View<const StepState, 1> state,
        AugmentConfig config))

// Policy::ctaugment needs its rates (ctaugment.h), [kCtRows, kCtBins].
CRC_OP(void, augment_batch,
       (View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, View<const StepState, 1> state,
        AugmentConfig config, View<const float, 2> rates))
CRC_OP(void, augment_batch,
       (View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, View<const StepState, 1> state,
        AugmentConfig config, View<const float, 2> rates))

// Why images of a size cannot be augmented, and so not be trained on; empty where they can.
inline std::string too_large(int64_t height, int64_t width) {
  if (height * width <= kMaxPixels) return "";
  return "images of " + std::to_string(height) + "x" + std::to_string(width) +
         " are too large: training augments images of at most " + std::to_string(kMaxPixels) +
         " pixels (512x512); scale them down (data.resize)";
}

// What images of a size allow. Error config: too many pixels; a crop_pad that they are too small for.
inline void check_image_size(int64_t height, int64_t width, const AugmentConfig& config) {
  const std::string images = "images of " + std::to_string(height) + "x" + std::to_string(width);
  if (const std::string words = too_large(height, width); !words.empty()) fail(ExitCode::config, words);
  const int64_t limit = config.padding == Padding::reflect ? std::min(height, width) - 1 : INT16_MAX;
  if (config.crop_pad < 0 || config.crop_pad > limit)
    fail(ExitCode::config, "crop_pad is " + std::to_string(config.crop_pad) + ", " + images + " allow 0 to " +
                               std::to_string(limit) + "; choose a smaller crop_pad");
}

// The checks of both backends. Errors: internal for shapes and missing rates, those of check_image_size.
template <class T>
void check_augment(View<T, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, const AugmentConfig& config, View<const float, 2> rates) {
  if (config.strong == Policy::ctaugment) check_shape("augment_batch", rates, {kCtRows, kCtBins});
  const int64_t height = images.shape[1], width = images.shape[2];
  check_shape("augment_batch", images, {-1, -1, -1, 3});
  check_shape("augment_batch", y, {ids.size(), height, width, 3});
  check_shape("augment_batch", state, {1});
  if (y.size() > 0) check_image_size(height, width, config);
}

}  // namespace crc::augment
