#include "crc/byte_rows.h"

#include <algorithm>
#include <cmath>

#include "crc/host_loop.h"

namespace crc::select {
namespace {

// Exact: runs of 2^16 products of at most 127^2 fit in 32 bits.
int64_t inner_product(const int8_t* x, const int16_t* y, int64_t n) {
  constexpr int64_t kRun = 1 << 16;
  int64_t total = 0;
  for (int64_t begin = 0; begin < n; begin += kRun) {
    int32_t sum = 0;
    for (int64_t d = begin; d < std::min(n, begin + kRun); ++d) sum += int32_t(int16_t(x[d])) * int32_t(y[d]);
    total += sum;
  }
  return total;
}

}  // namespace

ByteRows::Row ByteRows::encode(std::span<const float> x, int8_t* q) {
  float largest = 0;
  for (float v : x) largest = std::max(largest, std::abs(v));
  const float step = largest > 1e-30f ? largest / 127 : 0, scale = step > 0 ? 1 / step : 0;  // 0: all of it is error
  double length = 0, error = 0, whole = 0;
  for (size_t d = 0; d < x.size(); ++d) {
    const float steps = std::clamp(x[d] * scale, -127.f, 127.f);
    q[d] = int8_t(std::lrintf(steps));
    const double coded = double(step) * q[d], left = double(x[d]) - coded;
    length += coded * coded, error += left * left, whole += double(x[d]) * double(x[d]);
  }
  const double up = 1 + rounding_of(int64_t(x.size()));
  return {step, std::sqrt(length) * up, std::sqrt(error) * up, std::sqrt(whole) * up};
}

void ByteRows::add(Context& context, std::span<const float> rows) {
  if (width_ == 0) return;
  const int64_t first = count(), n = int64_t(rows.size()) / width_;
  q_.resize(size_t((first + n) * width_)), of_.resize(size_t(first + n));
  each_on_host(context, n, [&](int64_t i) {
    of_[size_t(first + i)] =
        encode(rows.subspan(size_t(i * width_), size_t(width_)), &q_[size_t((first + i) * width_)]);
  });
}

ByteRows::MaybeNearer ByteRows::to(std::span<const float> point) const { return {*this, point}; }

ByteRows::MaybeNearer::MaybeNearer(const ByteRows& rows, std::span<const float> point)
    : rows_(rows), q_(point.size()), y_(encode(point, q_.data())), wide_(q_.begin(), q_.end()) {}

bool ByteRows::MaybeNearer::operator()(int64_t i, double nearest) const {
  const Row& x = rows_.of_[size_t(i)];
  const int64_t width = rows_.width_;
  const double inner = x.step * y_.step * double(inner_product(&rows_.q_[size_t(i * width)], wide_.data(), width)),
               least = x.whole * x.whole + y_.whole * y_.whole - 2 * (inner + x.error * y_.whole + x.length * y_.error),
               both = x.whole + y_.whole;
  return !(least - 4 * rounding_of(width) * both * both >= nearest);
}

}  // namespace crc::select
