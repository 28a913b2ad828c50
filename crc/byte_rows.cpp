#include "crc/byte_rows.h"

#include <algorithm>
#include <cmath>

#include "crc/host_loop.h"
#include "kernels/cpu/lanes.h"

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
  for (size_t d = 0; d < x.size(); ++d) {
    const float steps = std::clamp(x[d] * scale, -127.f, 127.f);
    q[d] = int8_t(int32_t((steps + 0x1.8p23f) - 0x1.8p23f));  // the nearest whole number
  }
  Lanes lengths{}, errors{}, wholes{};  // sums of squares, in an order of their own
  const auto add = [&](Lanes values, Lanes codes) {
    const Lanes coded = codes * all(double(step)), left = values - coded;
    lengths += coded * coded, errors += left * left, wholes += values * values;
  };
  size_t d = 0;
  for (; d + kLanes <= x.size(); d += kLanes)
    add(load(&x[d]), Lanes{double(q[d]), double(q[d + 1]), double(q[d + 2]), double(q[d + 3])});
  for (; d < x.size(); ++d) add(Lanes{double(x[d])}, Lanes{double(q[d])});
  const double length = joined(lengths), error = joined(errors), whole = joined(wholes);
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
