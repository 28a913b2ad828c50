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

std::vector<int64_t> ByteRows::maybe_nearer(Context& context, std::span<const float> point,
                                            std::span<const double> nearest, int64_t begin, int64_t end) const {
  std::vector<int8_t> q(point.size());
  const Row y = encode(point, q.data());
  const std::vector<int16_t> wide(q.begin(), q.end());
  const double rounding = 4 * rounding_of(width_);
  std::vector<uint8_t> maybe(size_t(end - begin));
  each_on_host(context, end - begin, [&](int64_t k) {
    const int64_t i = begin + k;
    const Row& x = of_[size_t(i)];
    const double inner = x.step * y.step * double(inner_product(&q_[size_t(i * width_)], wide.data(), width_)),
                 least = x.whole * x.whole + y.whole * y.whole - 2 * (inner + x.error * y.whole + x.length * y.error),
                 both = x.whole + y.whole;
    maybe[size_t(k)] = !(least - rounding * both * both >= nearest[size_t(i)]);
  });
  std::vector<int64_t> rows;
  for (int64_t k = 0; k < end - begin; ++k)
    if (maybe[size_t(k)]) rows.push_back(k);
  return rows;
}

}  // namespace crc::select
