// Global average pooling: y[n,c] = mean_{h,w} x[n,h,w,c];  backward dx[n,h,w,c] = dy[n,c] / (H*W).
// x, dx [N,H,W,C] fp32 or bf16; y, dy [N,C] always fp32 (features are fp32-grade). Class: reduce.
#pragma once

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, global_avg_pool, (View<float, 2> y, View<const float, 4> x))
CRC_OP(void, global_avg_pool_backward, (View<float, 4> dx, View<const float, 2> dy))
CRC_OP_BF16(void, global_avg_pool, (View<float, 2> y, View<const bf16, 4> x))
CRC_OP_BF16(void, global_avg_pool_backward, (View<bf16, 4> dx, View<const float, 2> dy))

}  // namespace crc
