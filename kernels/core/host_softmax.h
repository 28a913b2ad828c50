// The softmax of one row of logits on the host, in fp64: p_c = exp(x_c - max) / sum, summed in the order of the
// classes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace crc {

class HostSoftmax {
 public:
  // At least one class.
  template <class T> explicit HostSoftmax(std::span<const T> logits) {
    const auto largest = std::max_element(logits.begin(), logits.end());
    argmax_ = largest - logits.begin();
    max_ = double(*largest);
    for (const T x : logits) sum_ += std::exp(double(x) - max_);
  }
  int64_t argmax() const { return argmax_; }  // the lowest on ties
  double p(double logit) const { return std::exp(logit - max_) / sum_; }
  double largest() const { return 1 / sum_; }                                // the probability of argmax()
  double loss(double logit) const { return std::log(sum_) + max_ - logit; }  // -log p(logit)

 private:
  int64_t argmax_;
  double max_, sum_ = 0;
};

}  // namespace crc
