// Which of some points a row may be nearest to, by inner products in fp32: half of |x - p|^2 lies between
//   row.low + low(p) - <x,p>   and   row.high + high(p) - <x,p>,
// the bands of kernels/cpu/ball_screen.h for a radius of 0, of x and p less a common origin, so that features far from 0
// cost no digits: what their differences are rounded by is within the band, as is what fp32 rounds of the sums here.
#pragma once

#include <bit>
#include <vector>

#include "kernels/core/view.h"
#include "kernels/cpu/ball_screen.h"

namespace crc {

class NearScreen {
 public:
  static constexpr int64_t kRows = 96;  // at most, at a time: they share a panel of points

  NearScreen() = default;
  // points [k,D] of fp32 with k >= 1; origin [D] is to live as long as this.
  template <class Point>
  NearScreen(int64_t count, const Point& point, const float* origin, int64_t depth)
      : count_(count), depth_(depth), origin_(origin), panels_(size_t(panels() * kWideScreen * depth)) {
    const Ball ball(0, depth);
    low_.resize(size_t(panels() * kWideScreen), INFINITY), high_ = low_;  // of no point: surely far
    for (int64_t p = 0; p < panels(); ++p) {
      float* panel = panels_.data() + p * kWideScreen * depth;
      pack_rows<kWideScreen>(
          panel, depth, count - p * kWideScreen, [&](int64_t c) { return point(p * kWideScreen + c); }, origin);
    }
    for (int64_t c = 0; c < count; ++c) {
      const Band band = ball.column(square(point(c)));
      low_[size_t(c)] = band.low, high_[size_t(c)] = band.high;
    }
  }
  double square(const float* x) const { return centred_square(x, origin_, depth_); }

  // |x - origin|^2, but for a few roundings in fp64.
  static double centred_square(const float* x, const float* origin, int64_t depth) {
    Lanes sums{};
    int64_t d = 0;
    for (; d + kLanes <= depth; d += kLanes) {
      const Lanes difference = load(x + d) - load(origin + d);
      sums += difference * difference;
    }
    double total = joined(sums);
    for (; d < depth; ++d) total += (double(x[d]) - double(origin[d])) * (double(x[d]) - double(origin[d]));
    return total;
  }

  // f(r, first point, Halves) of rows 0 to n - 1, row(r) the r-th, n <= kRows, for every 48 points.
  class Halves;
  template <class Row, class F> void each(std::vector<float>& memory, int64_t n, const Row& row, const F& f) const {
    memory.resize(size_t(kRows * depth_));
    for (int64_t i = 0; i < n; i += kDownPairs) {
      for (int64_t r = i + kDownPairs; r < std::min(n, i + 2 * kDownPairs); ++r) prefetch(row(r), depth_);
      pack_rows<kDownPairs>(
          memory.data() + i * depth_, depth_, n - i, [&](int64_t r) { return row(i + r); }, origin_);
    }
    float tile[kRows * kWideScreen];
    for (int64_t p = 0; p < panels(); ++p) {
      multiply_tile(tile, memory.data(), n, panels_.data() + p * kWideScreen * depth_, count_ - p * kWideScreen,
                    depth_);
      for (int64_t r = 0; r < n; ++r)
        f(r, p * kWideScreen,
          Halves(tile + r * kWideScreen, &low_[size_t(p * kWideScreen)], &high_[size_t(p * kWideScreen)],
                 count_ - p * kWideScreen));
    }
  }

  // Of a row and 48 points, without the row's part of the band.
  class Halves {
   public:
    Halves(const float* inner, const float* low, const float* high, int64_t count)
        : inner_(inner), low_(low), high_(high), count_(std::min(count, kWideScreen)) {}
    float low(int64_t c) const { return low_[c] - inner_[c]; }
    float high(int64_t c) const { return high_[c] - inner_[c]; }
    float least_high() const { return least(high_, -1); }
    float least_low_but(int64_t c) const { return least(low_, c); }
    // Those that are not surely above.
    uint64_t maybe_within(float row_low, float above) const {
      return ~sides(inner_, {row_low - above, INFINITY}, low_, high_).outside & (kAll >> (kWideScreen - count_));
    }

   private:
    static constexpr uint64_t kAll = (uint64_t(1) << kWideScreen) - 1;
    float least(const float* ends, int64_t but) const {
      float values[kWideScreen];
      for (int64_t c = 0; c < count_; c += 8) store(values + c, registerful(ends + c) - registerful(inner_ + c));
      if (but >= 0) values[but] = INFINITY;
      Floats few = registerful(values);
      for (int64_t c = 8; c < count_; c += 8) {
        const Floats next = registerful(values + c);
        few = next < few ? next : few;
      }
      float one = few[0];
      for (int64_t lane = 1; lane < 8; ++lane) one = few[lane] < one ? few[lane] : one;
      return one;
    }
    const float *inner_, *low_, *high_;
    int64_t count_;
  };

 private:
  int64_t panels() const { return (count_ + kWideScreen - 1) / kWideScreen; }
  int64_t count_ = 0, depth_ = 0;
  const float* origin_ = nullptr;
  std::vector<float> panels_, low_, high_;
};

}  // namespace crc
