// Residual addition: out[i] = a[i] + b[i]. out may alias a or b. Any shape, passed flat. Class: point.
// bf16: added in fp32, rounded once.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct Add {
  CRC_HD float operator()(float a, float b) const { return a + b; }
};

CRC_OP(void, add, (View<float, 1> out, View<const float, 1> a, View<const float, 1> b))
CRC_OP(void, add, (View<bf16, 1> out, View<const bf16, 1> a, View<const bf16, 1> b))

}  // namespace crc
