// The one table of tolerances, by the numeric class that an op's header names. Tests and benchmarks never type one.
#pragma once

#include "kernels/core/dtype.h"

namespace crc {

// exact: the same bits. point: a few roundings per element. reduce: sums in fp32 or of fp32 terms.
// library: oneDNN, cuDNN, BLAS, LAPACK choose the order of summation.
// network: through all layers of WRN-28-2, forward and backward, against an fp64 reference (bf16: of a small net,
// against fp32).
// autograd: through all layers of a small net in fp64, against PyTorch in fp64.
enum class NumericClass { exact, point, reduce, library, network, autograd };

// Relative to the largest magnitude of the reference array.
inline double tolerance(NumericClass c, Dtype dtype) {
  const double eps = dtype == Dtype::f64 ? 0x1p-52 : dtype == Dtype::bf16 ? 0x1p-8 : 0x1p-23;
  switch (c) {
    case NumericClass::exact:
      return 0;
    case NumericClass::point:
      return 4 * eps;
    case NumericClass::reduce:
      return dtype == Dtype::bf16 ? 4 * eps : 32 * eps;
    case NumericClass::library:
      return dtype == Dtype::bf16 ? 4 * eps : 64 * eps;
    case NumericClass::network:
      return dtype == Dtype::bf16 ? 16 * eps : 1e-4;
    case NumericClass::autograd:
      return 1e-9;
  }
  return 0;
}

}  // namespace crc
