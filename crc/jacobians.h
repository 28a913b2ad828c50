// Where Jacobians of logits come from. Whoever has a network implements this; acquisitions see arrays.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/context.h"

namespace crc::select {

// One parameter array.
struct JacobianBlock {
  std::string name;    // dotted: "block3.layer.0.conv1.weight"
  int64_t parameters;  // P
  int64_t rank;        // of its trace kernel at most: C*P, but D for the weights of the last layer and 1 for its bias
};

class Jacobians {
 public:
  virtual ~Jacobians() = default;
  virtual int64_t classes() const = 0;
  virtual const std::vector<JacobianBlock>& blocks() const = 0;  // in the order of delivery: last layer first

  // j [items,C,P] = d logit_c(item) / d parameter, evaluation mode; valid during the call only.
  using Receive = std::function<void(int64_t block, View<const float, 3> j)>;
  // Calls `receive` for every block that `wanted` [blocks] names. Items may repeat.
  virtual void compute(Context& context, std::span<const int64_t> items, const std::vector<bool>& wanted,
                       const Receive& receive) const = 0;

  // Memory that compute takes at most.
  struct Bytes {
    int64_t per_item, fixed;
  };
  virtual Bytes bytes(const std::vector<bool>& wanted) const = 0;
};

inline constexpr const char* kAllLayers = "all";
// Blocks by layers: kAllLayers, or words that are the first dotted parts of names ("fc bn1 block3"). Error config: a word
// that names nothing, with the layers there are.
std::vector<bool> choose_blocks(const Jacobians& source, const std::string& layers, const std::string& acquisition);

}  // namespace crc::select
