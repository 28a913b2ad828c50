// Gradients of the last linear layer, one per sample, and their inner products. For logits W h + b and any cotangent
// delta_i of sample i's logits (p - e_y for cross-entropy, e_c for one logit) the gradient is the outer product
//   g_i = delta_i a_i^T [C,A],   a_i = (h_i, 1), or h_i if config.bias is off; flat entry c*A + d = delta_i[c] a_i[d].
// persample_gram: k [N,M], k(i,j) = <g_i, g'_j> of two sets of samples.
// In fp64: the entries are exact there (products of two fp32 numbers) and are added in their order, so that the bits
// are the same on every device, for any batch and any number of threads.
// delta [N,C], h [N,D]; C >= 1. Class: exact against the sum in that order. For BADGE (Ash et al. 2020), EGL (Huang et
// al. 2016) and last-layer kernels of any loss; <g_i,g_j> = <delta_i,delta_j><a_i,a_j> is the tests' oracle.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct PersampleConfig {
  bool bias = true;
};

// The gradients of one set of samples, entry by entry.
struct PersampleGrads {
  const float *delta, *h;
  int64_t classes, features, width;  // width: A

  int64_t entries() const { return classes * width; }
  CRC_HD double operator()(int64_t i, int64_t c, int64_t d) const {
    return double(delta[i * classes + c]) * (d < features ? double(h[i * features + d]) : 1.0);
  }
  CRC_HD double operator()(int64_t i, int64_t entry) const { return (*this)(i, entry / width, entry % width); }
};

CRC_OP(void, persample_gram,
       (View<double, 2> k, View<const float, 2> delta_i, View<const float, 2> h_i, View<const float, 2> delta_j,
        View<const float, 2> h_j, PersampleConfig config))

// Checks the shapes of both backends' calls.
inline PersampleGrads persample(const char* op, int64_t samples, View<const float, 2> delta, View<const float, 2> h,
                                PersampleConfig config) {
  check_shape(op, delta, {samples, -1});
  check_shape(op, h, {samples, -1});
  return {delta.data, h.data, delta.shape[1], h.shape[1], h.shape[1] + (config.bias ? 1 : 0)};
}

}  // namespace crc
