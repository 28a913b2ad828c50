// The moment matrix sum a a^T of rows, rounded once: the same bits in any order of the rows, and after rows were added
// one by one. Every entry of a row is cut into integers of a few bits on a grid of its column's own, so that sums of
// products of integers are exact in fp64 (the error-free splitting of Ozaki et al. 2012); they are put together last.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/context.h"

namespace crc {
class Ranks;
}

namespace crc::select {

class ExactMoment {
 public:
  // largest [width]: bounds of |a_j| over all rows that will ever come, at most `rows` of them.
  ExactMoment(std::span<const double> largest, int64_t rows);
  void add(std::span<const double> rows);  // [n,width]
  void sum(Ranks& ranks);                  // over processes that each added some of the rows; collective
  // [width,width], row-major, symmetric.
  std::vector<double> matrix() const;

 private:
  struct Product {
    int i, j;                  // of slice i with slice j >= i
    std::vector<double> sums;  // [width,width] integers
  };
  int64_t width_;
  int bits_, slices_;
  std::vector<int> exponent_;  // |a_j| < 2^exponent
  std::vector<Product> products_;
  Context host_;  // products of integers are exact in any order: BLAS may take any
};

}  // namespace crc::select
