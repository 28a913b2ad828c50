// Jacobians of a network's logits in evaluation mode, explicitly and sample by sample: J(x)[c,:] = d logit_c / d theta.
// One forward pass, then one backward pass with the C unit cotangents of every sample side by side; the weight gradient
// of a convolution is, per sample and class, dy^T (unfolded input), all of them one batched product (explicit gradients
// cost less than any structured kernel in every layer of these nets: Novak et al. 2022, table 1, with their shapes).
// T is the precision of everything but the weights, which are fp32: float for use, double to know what is rounding.
#pragma once

#include <functional>

#include "nn/net.h"

namespace crc::nn {

template <class T> class Jacobian {
 public:
  // j [N,classes,P] of one parameter array of P elements, in scratch memory: valid during the call only.
  using Receive = std::function<void(int param, View<const T, 3> j)>;

  explicit Jacobian(const Net& net) : net_(&net), program_(net.program()) {}

  // The parameters (indices into the layout) that the logits depend on, in the order of delivery: last layer first.
  std::vector<int> params() const;

  // x [N,H,W,C] -> `receive` for every parameter that `wanted` [layout.params()] names. The walk ends where nothing
  // wanted lies further back.
  void compute(Context& context, const Weights& weights, View<const float, 4> x, const std::vector<bool>& wanted,
               const Receive& receive) const;

  // Scratch memory that compute takes at most.
  struct Bytes {
    int64_t per_sample, fixed;
  };
  Bytes bytes(int64_t height, int64_t width, int64_t channels, const std::vector<bool>& wanted) const;

 private:
  const Net* net_;
  Program program_;
};

extern template class Jacobian<float>;
extern template class Jacobian<double>;

}  // namespace crc::nn
