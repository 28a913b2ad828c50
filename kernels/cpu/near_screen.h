// Which of some points a row may be nearest to, by inner products in fp32: half of |x - p|^2 lies between
//   row.low + low(p) - <x,p>   and   row.high + high(p) - <x,p>,
// the bands of kernels/cpu/ball_screen.h for a radius of 0, of x and p less the points' mean, so that features far from 0
// cost no digits: what those differences are rounded by is within the band, as is what fp32 rounds of the sums here.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/cpu/ball_screen.h"

namespace crc {

class NearScreen {
 public:
  static constexpr int64_t kRows = 96;  // at most, at a time: they share a panel of points

  NearScreen() = default;
  // point(c) [depth] of each of `count` >= 1 points.
  template <class Point> NearScreen(int64_t count, const Point& point, int64_t depth);

  // Whether points are of a size that fp32 can multiply; else all bounds are infinite.
  static bool decides(std::span<const float> points) {
    float largest = 0;
    for (float x : points) largest = std::max(largest, std::abs(x));
    return largest > 0x1p-40f && largest < 0x1p50f;
  }

  class Halves;
  // f(r, first point, Halves) of rows 0 to n - 1, row(r) the r-th, n <= kRows, for every 48 points. Bounds are wider by
  // more(r) >= 0: what else the distance may be off by, halved.
  template <class Row, class More, class F>
  void each(std::vector<float>& memory, int64_t n, const Row& row, const More& more, const F& f) const;

 private:
  int64_t panels() const { return (count_ + kWideScreen - 1) / kWideScreen; }
  double square(const float* x) const;  // |x - origin|^2

  int64_t count_ = 0, depth_ = 0;
  std::vector<float> origin_, panels_, low_, high_;
};

// Of a row and 48 points.
class NearScreen::Halves {
 public:
  Halves(Band row, const float* inner, const float* low, const float* high, int64_t count)
      : row_(row), inner_(inner), low_(low), high_(high), count_(std::min(count, kWideScreen)) {}
  double low(int64_t c) const { return double(row_.low) + (low_[c] - inner_[c]); }
  double high(int64_t c) const { return double(row_.high) + (high_[c] - inner_[c]); }
  double least_high() const { return double(row_.high) + least(high_, -1); }
  double least_low_but(int64_t c) const { return double(row_.low) + least(low_, c); }
  // A bit for each of those that are not surely above a half, which is no larger than the largest of high().
  uint64_t maybe_within(double half) const {
    constexpr uint64_t kAll = (uint64_t(1) << kWideScreen) - 1;
    const Band above{row_.low - float(half), INFINITY};
    return ~sides(inner_, above, low_, high_).outside & (kAll >> (kWideScreen - count_));
  }

 private:
  float least(const float* ends, int64_t but) const {
    Floats few = registerful(ends) - registerful(inner_);
    if (but >= 0 && but < 8) few[but] = INFINITY;
    for (int64_t c = 8; c < count_; c += 8) {
      Floats next = registerful(ends + c) - registerful(inner_ + c);
      if (but >= c && but < c + 8) next[but - c] = INFINITY;
      few = next < few ? next : few;
    }
    float one = few[0];
    for (int64_t lane = 1; lane < 8; ++lane) one = few[lane] < one ? few[lane] : one;
    return one;
  }
  Band row_;
  const float *inner_, *low_, *high_;
  int64_t count_;
};

template <class Point>
NearScreen::NearScreen(int64_t count, const Point& point, int64_t depth)
    : count_(count),
      depth_(depth),
      origin_(size_t(depth)),
      panels_(size_t(panels() * kWideScreen * depth)),
      low_(size_t(panels() * kWideScreen), INFINITY),  // of no point: surely far
      high_(low_) {
  for (int64_t c = 0; c < count; ++c)
    for (int64_t d = 0; d < depth; ++d) origin_[size_t(d)] += point(c)[d] / float(count);
  for (int64_t p = 0; p < panels(); ++p)
    pack_rows<kWideScreen>(
        panels_.data() + p * kWideScreen * depth, depth, count - p * kWideScreen,
        [&](int64_t c) { return point(p * kWideScreen + c); }, origin_.data());
  const Ball ball(0, depth);
  for (int64_t c = 0; c < count; ++c) {
    const Band band = ball.column(square(point(c)));
    low_[size_t(c)] = band.low, high_[size_t(c)] = band.high;
  }
}

// Chains of depth / 32 squares in fp32, joined in fp64: off by less than the tenth by which the band is wider than its
// sums of `depth` products.
inline double NearScreen::square(const float* x) const {
  constexpr int64_t kChains = 4, kWhole = 8;
  Floats sums[kChains] = {};
  int64_t d = 0;
  const auto add = [&](Floats& sum) {
    const Floats difference = registerful(x + d) - registerful(origin_.data() + d);
    sum = fused(difference, difference, sum);
    d += kWhole;
  };
  while (d + kChains * kWhole <= depth_)
    for (Floats& sum : sums) add(sum);
  while (d + kWhole <= depth_) add(sums[0]);
  double total = 0;
  for (int64_t lane = 0; lane < kWhole; ++lane)
    total += double((sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]));
  for (; d < depth_; ++d) {
    const double difference = double(x[d]) - double(origin_[size_t(d)]);
    total += difference * difference;
  }
  return total;
}

template <class Row, class More, class F>
void NearScreen::each(std::vector<float>& memory, int64_t n, const Row& row, const More& more, const F& f) const {
  memory.resize(size_t(kRows * depth_));
  const Ball ball(0, depth_);
  Band bands[kRows];
  for (int64_t i = 0; i < n; i += kDownPairs) {
    for (int64_t r = i + kDownPairs; r < std::min(n, i + 2 * kDownPairs); ++r) prefetch(row(r), depth_);
    pack_rows<kDownPairs>(
        memory.data() + i * depth_, depth_, n - i, [&](int64_t r) { return row(i + r); }, origin_.data());
    for (int64_t r = i; r < std::min(n, i + kDownPairs); ++r) {
      bands[r] = ball.row(square(row(r)));
      bands[r].low -= float(more(r)), bands[r].high += float(more(r));
    }
  }
  float tile[kRows * kWideScreen];
  for (int64_t p = 0; p < panels(); ++p) {
    const int64_t first = p * kWideScreen;
    multiply_tile(tile, memory.data(), n, panels_.data() + first * depth_, count_ - first, depth_);
    for (int64_t r = 0; r < n; ++r)
      f(r, first, Halves(bands[r], tile + r * kWideScreen, low_.data() + first, high_.data() + first, count_ - first));
  }
}

}  // namespace crc
