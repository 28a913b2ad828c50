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

// i: flat index into y.
template <class T> struct NormalizeElement {
  View<T, 4> y;
  View<const uint8_t, 4> images;
  View<const int64_t, 1> ids;
  NormalizeConfig config;

  CRC_HD void operator()(int64_t i) const {
    const int64_t per_image = y.shape[1] * y.shape[2] * 3, b = i / per_image;
    const int64_t image = ids.shape[0] > 0 ? ids[b] : b;
    y[i] = T(config(images[image * per_image + i % per_image], int(i % 3)));
  }
};

template <class T>
void check_normalize(const View<T, 4>& y, const View<const uint8_t, 4>& images, const View<const int64_t, 1>& ids) {
  check_shape("normalize", images, {-1, -1, -1, 3});
  const int64_t batch = ids.shape[0] > 0 ? ids.shape[0] : images.shape[0];
  check_shape("normalize", y, {batch, images.shape[1], images.shape[2], 3});
}

CRC_OP(void, normalize,
       (View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, NormalizeConfig config))
CRC_OP(void, normalize,
       (View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, NormalizeConfig config))

}  // namespace crc
