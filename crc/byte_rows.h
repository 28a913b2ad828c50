// Rows in bytes, a quarter of their memory, that tell which rows are surely far from a point. x = step q + e with q in
// [-127,127], so that by Cauchy-Schwarz
//   <x,y> <= step_x step_y <q_x,q_y> + |e_x| |y| + step_x |q_x| |e_y|.
// <q_x,q_y> is exact, at sixteen products an instruction; what fp64 rounds of the rest is added to the bound.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/context.h"

namespace crc::select {

// So much of (|x| + |y|)^2 can a squared distance be off that fp64 sums over `width` features in any order, by squares
// of differences or by norms and inner products: gamma_n of Higham 2002, section 3.1, with room for the last steps.
constexpr double rounding_of(int64_t width) { return double(width + 32) * 0x1p-53; }

class ByteRows {
 public:
  explicit ByteRows(int64_t width) : width_(width) {}
  void add(Context& context, std::span<const float> rows);  // after those before; [n,D]
  int64_t count() const { return int64_t(of_.size()); }

  // Whether the squared distance of row i to a point, as min_distance sums it, may be less than `nearest`.
  class MaybeNearer;
  MaybeNearer to(std::span<const float> point) const;

 private:
  struct Row {
    double step, length, error, whole;  // step, |step q|, |e| and |x|; the last three from above
  };
  static Row encode(std::span<const float> x, int8_t* q);

  int64_t width_;
  std::vector<int8_t> q_;  // [n,D]
  std::vector<Row> of_;
};

class ByteRows::MaybeNearer {
 public:
  MaybeNearer(const ByteRows& rows, std::span<const float> point);
  bool operator()(int64_t i, double nearest) const;

 private:
  const ByteRows& rows_;
  std::vector<int8_t> q_;
  Row y_;
  std::vector<int16_t> wide_;
};

}  // namespace crc::select
