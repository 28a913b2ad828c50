// The Jacobians of a network on images of a data set, for acquisitions: evaluation mode, no augmentation, fp32.
#pragma once

#include "crc/jacobians.h"
#include "kernels/ops/normalize.h"
#include "nn/jacobian.h"
#include "ssl/image_set.h"

namespace crc::apps {

// Item ids are image numbers. Holds references: net, weights and images must outlive it.
class NetJacobians : public select::Jacobians {
 public:
  NetJacobians(const nn::Net& net, const nn::Weights& weights, const ssl::ImageSet& images,
               const NormalizeConfig& normalize);

  int64_t classes() const override { return net_.classes(); }
  const std::vector<select::JacobianBlock>& blocks() const override { return blocks_; }
  void compute(Context& context, std::span<const int64_t> items, const std::vector<bool>& wanted,
               const Receive& receive) const override;
  Bytes bytes(const std::vector<bool>& wanted) const override;

 private:
  std::vector<bool> params_of(const std::vector<bool>& wanted) const;  // by the layout's index

  const nn::Net& net_;
  nn::Weights weights_;
  const ssl::ImageSet& images_;
  NormalizeConfig normalize_;
  nn::Jacobian<float> jacobian_;
  std::vector<int> params_;  // of the blocks
  std::vector<select::JacobianBlock> blocks_;
};

}  // namespace crc::apps
