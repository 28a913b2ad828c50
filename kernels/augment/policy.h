// What the draws of the three RandAugments mean: an operation's value for a level or a fraction. Sources: kekmodel
// FixMatch-pytorch dataset/randaugment.py; LeeDoYup FixMatch-pytorch datasets/augmentation/randaugment.py;
// google-research/fixmatch third_party/auto_augment/augmentations.py. fp64 in their order of operations.
#pragma once

#include "kernels/augment/registry.h"

namespace crc::augment {

inline constexpr uint32_t kLevels = 9;  // levels 1..9 of PARAMETER_MAX = 10

CRC_HD double kekmodel_value(OpId op, int level, bool negative, int width, int height) {
  const double sign = negative ? -1 : 1;
  switch (op) {
    case OpId::brightness:
    case OpId::color:
    case OpId::contrast:
    case OpId::sharpness:
      return level * 0.9 / 10 + 0.05;
    case OpId::posterize:
      return level * 4 / 10 + 4;
    case OpId::rotate:
      return sign * (level * 30 / 10);
    case OpId::shear_x:
    case OpId::shear_y:
      return sign * (level * 0.3 / 10);
    case OpId::solarize:
      return 256 - level * 256 / 10;
    case OpId::translate_x:
      return sign * int(level * 0.3 / 10 * width);
    case OpId::translate_y:
      return sign * int(level * 0.3 / 10 * height);
    default:
      return 0;
  }
}

CRC_HD double google_value(OpId op, int level, bool negative) {
  const double sign = negative ? -1 : 1;
  switch (op) {
    case OpId::brightness:
    case OpId::color:
    case OpId::contrast:
    case OpId::sharpness:
      return level * 1.8 / 10 + 0.1;
    case OpId::posterize:
      return 4 - level * 4 / 10;
    case OpId::rotate:
      return sign * (level * 30 / 10);
    case OpId::shear_x:
    case OpId::shear_y:
      return sign * (level * 0.3 / 10);
    case OpId::solarize:
      return 256 - level * 256 / 10;
    case OpId::translate_x:
    case OpId::translate_y:
      return sign * level;
    default:
      return 0;
  }
}

// u in [0, 1).
CRC_HD double lee_value(OpId op, double u, int width, int height) {
  switch (op) {
    case OpId::brightness:
    case OpId::color:
    case OpId::contrast:
    case OpId::sharpness:
      return 0.05 + 0.9 * u;
    case OpId::posterize:
      return int(4 + 4 * u);
    case OpId::rotate:
      return -30 + 60 * u;
    case OpId::shear_x:
    case OpId::shear_y:
      return -0.3 + 0.6 * u;
    case OpId::solarize:
      return 256 * u;
    case OpId::translate_x:
      return (-0.3 + 0.6 * u) * width;
    case OpId::translate_y:
      return (-0.3 + 0.6 * u) * height;
    default:
      return 0;
  }
}

}  // namespace crc::augment
