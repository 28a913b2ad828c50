// A projection head beside the classifier: what methods that compare images with each other see of the features [N,D],
// on the unit sphere (Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations", section
// 2.1): z = y / |y|, y = W2 max(0, W1 h + b1) + b2, the hidden layer as wide as the features. Its parameters are named
// kPrefix + "...", and serve training alone.
#pragma once

#include "nn/layers/linear.h"

namespace crc::nn {

class Projection {
 public:
  static constexpr const char* kPrefix = "projection.";

  Projection(ParamLayout& layout, int64_t features, int64_t size);
  int64_t size() const { return size_; }

  // What the way back needs; in the context's scratch memory.
  struct Saved {
    View<const float, 2> features, sums, hidden, y;  // [N,D], [N,D], [N,D], [N,E]
    Saved slice(int64_t begin, int64_t end) const;
  };
  // z [N,E] of features [N,D].
  Saved forward(Context& context, const Weights& weights, View<float, 2> z, View<const float, 2> features) const;
  // grads += d loss / d parameters, dfeatures = d loss / d features, given dz [N,E].
  void backward(Context& context, const Weights& weights, const Weights& grads, View<float, 2> dfeatures,
                View<const float, 2> dz, const Saved& saved) const;

 private:
  int64_t size_;
  Linear hidden_, out_;
};

}  // namespace crc::nn
