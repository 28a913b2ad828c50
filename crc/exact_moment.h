// The moment matrix sum a a^T of rows, rounded once: the same bits in any order of the rows, and after rows were added
// one by one. Every entry of a row is cut into integers of a few bits on a grid of its column's own, so that sums of
// products of integers are exact in fp64 (kernels/ops/exact_slices.h); they are put together last. All of it happens on
// the device of a context, and has the same bits on any.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/tensor.h"

namespace crc {
class Ranks;
}

namespace crc::select {

class ExactMoment {
 public:
  // largest [width]: bounds of |a_j| over all rows that will ever come, at most `rows` of them.
  ExactMoment(std::span<const double> largest, int64_t rows, const Context& context = Context::cpu());
  void add_rows(View<const double, 2> rows);  // [n,width] on the context's device
  void add(std::span<const double> rows);     // [n,width] of the host, where that is the context's device
  void sum(Ranks& ranks);                     // over processes that each added some of the rows; collective
  // [width,width], row-major, symmetric.
  std::vector<double> matrix();

 private:
  void add_block(View<const double, 2> rows);

  Context context_;
  int64_t width_, bits_, slices_;
  Tensor exponents_, unit_;  // [width] |a_j| < 2^exponent; 2^-exponent
  Tensor products_;          // [P,width,width] integers, exact in any order: BLAS may take any
};

}  // namespace crc::select
