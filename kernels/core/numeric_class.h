// The one table of tolerances, by the numeric class that an op's header names. Tests and benchmarks never type one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/core/dtype.h"

namespace crc {

// exact: the same bits. point: a few roundings per element. reduce: sums in fp32 or of fp32 terms, in chains that an op
// of this project keeps short. library: oneDNN, cuDNN, BLAS, LAPACK choose the order of summation, up to one chain.
// pairs: sums of products of fp32 numbers in pairs of fp32 (kernels/ops/gram_pairs.h), a panel of 128 after the other:
// the worst of 256 sums was 2^-43.0 of the largest for a single panel, less for more of them, where one fp32 sum is
// wrong by 2^-21 and more; twice that is allowed.
// network: through all layers of WRN-28-2, forward and backward, against an fp64 reference (bf16: of a small net,
// against fp32).
// autograd: through all layers of a small net in fp64, against PyTorch in fp64.
enum class NumericClass { exact, point, reduce, library, pairs, network, autograd };

// What rounding does to sums of `length` terms of either sign, added one after the other, relative to the largest sum.
// Partial sums walk to sqrt(k) terms, each is rounded by up to half an eps of itself, and roundings add up as a random
// walk does: the error is of the order eps length, the largest sum of the order sqrt(length). The worst of 256 sums of
// uniform products was 0.25 eps sqrt(length) at 983,040 (one chain; 0.21 and 0.17 for 8 and 32 chains of their length);
// twice that is allowed, which a single missing term exceeds up to millions of terms (tests/kernels/tolerance_test.cpp).
inline double summation_error(int64_t length, double eps) { return 0.5 * eps * std::sqrt(double(length)); }

// Relative to the largest magnitude of the reference array. length: the terms of a sum, of class library.
inline double tolerance(NumericClass c, Dtype dtype, int64_t length = 1) {
  const double eps = dtype == Dtype::f64 ? 0x1p-52 : dtype == Dtype::bf16 ? 0x1p-8 : 0x1p-23;
  switch (c) {
    case NumericClass::exact:
      return 0;
    case NumericClass::point:
      return 4 * eps;
    case NumericClass::reduce:
      return dtype == Dtype::bf16 ? 4 * eps : 32 * eps;
    case NumericClass::library:
      if (dtype == Dtype::bf16) return std::max(4 * eps, summation_error(length, 0x1p-23));  // sums are fp32
      return std::max(64 * eps, summation_error(length, eps));
    case NumericClass::pairs:
      return 0x1p-42;
    case NumericClass::network:
      return dtype == Dtype::bf16 ? 16 * eps : 1e-4;
    case NumericClass::autograd:
      return 1e-9;
  }
  return 0;
}

}  // namespace crc
