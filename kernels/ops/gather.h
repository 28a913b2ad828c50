// Row gather: out[i,:] = in[rows[i],:]; rows outside [0, N) are an internal error on the CPU and in checked CUDA
// builds. in [N,D], rows [M], out [M,D]. Class: exact.
#pragma once

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, gather_rows, (View<float, 2> out, View<const float, 2> in, View<const int64_t, 1> rows))
CRC_OP_OVERLOAD(void, gather_rows, (View<double, 2> out, View<const double, 2> in, View<const int64_t, 1> rows))
CRC_OP_OVERLOAD(void, gather_rows, (View<int32_t, 1> out, View<const int32_t, 1> in, View<const int64_t, 1> rows))

}  // namespace crc
