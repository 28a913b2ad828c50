// Images and labels resident on the device, as the ops of a step want them.
#pragma once

#include "kernels/core/tensor.h"

namespace crc::ssl {

class ImageSet {
 public:
  // pixels [N,H,W,3], labels [N] (-1: unknown).
  ImageSet(Context& context, int64_t n, int64_t height, int64_t width, const uint8_t* pixels, const int32_t* labels)
      : pixels_(Tensor::from_host(context, {n, height, width, 3}, pixels, "images")),
        labels_(Tensor::from_host(context, {n}, labels, "labels")) {}

  int64_t size() const { return labels_.size(); }
  int64_t height() const { return pixels_.shape()[1]; }
  int64_t width() const { return pixels_.shape()[2]; }
  View<const uint8_t, 4> pixels() const { return pixels_.view<uint8_t, 4>(); }
  View<const int32_t, 1> labels() const { return labels_.view<int32_t, 1>(); }

 private:
  Tensor pixels_, labels_;
};

}  // namespace crc::ssl
