// Images, or embeddings instead of them, and labels resident on the device, as the ops of a step want them.
#pragma once

#include <vector>

#include "kernels/core/tensor.h"

namespace crc::ssl {

class ImageSet {
 public:
  // pixels [N,H,W,3], labels [N] (-1: unknown).
  ImageSet(Context& context, int64_t n, int64_t height, int64_t width, const uint8_t* pixels, const int32_t* labels)
      : height_(height),
        width_(width),
        channels_(3),
        pixels_(Tensor::from_host(context, {n, height, width, 3}, pixels, "images")),
        labels_(Tensor::from_host(context, {n}, labels, "labels")) {}
  // Embeddings: views [N,D] of the same items, at least one. To a network they are images of 1x1 with D channels.
  ImageSet(Context& context, int64_t n, int64_t features, const std::vector<const float*>& views, const int32_t* labels)
      : height_(1),
        width_(1),
        channels_(features),
        pixels_(context, {0, 0, 0, 3}, Dtype::u8, "no images"),
        labels_(Tensor::from_host(context, {n}, labels, "labels")) {
    for (const float* view : views) rows_.push_back(Tensor::from_host(context, {n, features}, view, "embeddings"));
  }

  int64_t size() const { return labels_.size(); }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t channels() const { return channels_; }
  View<const uint8_t, 4> pixels() const { return pixels_.view<uint8_t, 4>(); }
  View<const int32_t, 1> labels() const { return labels_.view<int32_t, 1>(); }
  void set_labels(Context& context, const std::vector<int32_t>& labels) {  // [N]
    context.copy_in(labels_.view<int32_t, 1>(), labels.data());
  }
  int64_t views() const { return int64_t(rows_.size()); }  // of embeddings; 0: these are images
  View<const float, 2> rows(int64_t view) const { return rows_[size_t(view)].view<float, 2>(); }

 private:
  int64_t height_, width_, channels_;
  Tensor pixels_, labels_;
  std::vector<Tensor> rows_;
};

}  // namespace crc::ssl
