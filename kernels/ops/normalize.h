// uint8 images to normalised activations: y[i,h,w,c] = (images[ids[i],h,w,c]/255 - mean[c]) / std[c].
// images [N,H,W,3] uint8; ids [B], or empty for all in order (then B = N); y [B,H,W,3] fp32 or bf16.
// Arithmetic as PyTorch's ToTensor + Normalize: fp32 division by 255, subtraction, division. Class: point.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct NormalizeConfig {
  float mean[3] = {0.5f, 0.5f, 0.5f};
  float std[3] = {0.5f, 0.5f, 0.5f};
  CRC_HD float operator()(uint8_t pixel, int channel) const {
    return (float(pixel) / 255.0f - mean[channel]) / std[channel];
  }
};

CRC_OP(void, normalize,
       (View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, NormalizeConfig config))
CRC_OP_BF16(void, normalize,
            (View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, NormalizeConfig config))

}  // namespace crc
