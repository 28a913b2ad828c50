// Of each row the nearest of centres that move a little from call to call, as k-means asks for: what pairwise_least
// says of all pairs (kernels/ops/pairwise_tile.h), bit for bit and of equally near centres the first, without most of
// them. Yinyang k-means (Ding et al. 2015): centres are put into groups of near ones, and by the triangle inequality a
// group whose nearest centre was so far from a row that no shift since then can have made up for it needs no look:
//   |x - c'| >= |x - c| - |c - c'|.
// A look measures in fp32 (kernels/cpu/near_screen.h); in fp64 only what its bounds leave open, and the distances that
// somebody asks for. Bounds hold for the true distances; a look is saved only where they differ by more than fp64 can be
// off in both. On a GPU every row meets every centre.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/cpu/near_screen.h"

namespace crc::select {

class NearestCenters {
 public:
  using Rows = std::function<void(int64_t, View<const float, 2>)>;  // f(begin, rows [n,D])

  // n rows of D features, which `each` calls for block by block, always in the same blocks.
  NearestCenters(Context& context, int64_t n, int64_t width, std::function<void(const Rows&)> each);

  // To centres [k,D], the same number in every call. Not their distances.
  void assign(std::span<const float> centers);
  void measure_all();                           // distances to the centres of the last call
  void shift(std::span<const double> lengths);  // centre c has moved by lengths[c] since
  void put(int64_t i, int64_t center);          // row i goes there, at distance 0, until the next call

  const std::vector<int64_t>& of() const { return of_; }               // [n]
  const std::vector<double>& distances() const { return distances_; }  // [n], squared

 private:
  struct Group {
    std::vector<int64_t> centers;  // ascending
    NearScreen screen;
  };
  struct Nearest;
  using Lists = std::vector<std::vector<int64_t>>;  // of each group

  void measure_rows();
  void make_groups(int64_t most);
  void assign_everywhere(int64_t begin, View<const float, 2> rows);
  void assign_some(int64_t begin, View<const float, 2> rows, int64_t first, int64_t last);
  void look(int64_t group, std::span<const int64_t> list, std::vector<Nearest>& nearest);
  void offer(Nearest& row, int64_t group, const int64_t* centers, const NearScreen::Halves& halves);

  const float* center(int64_t c) const { return centers_.data() + c * width_; }
  // squared = the distances of row i, which is x, to some centres
  void measure(double* squared, int64_t i, const float* x, std::span<const int64_t> centers) const;
  double error(int64_t i) const;  // of it
  float& lower(int64_t i, int64_t group) { return lower_[size_t(i) * groups_.size() + size_t(group)]; }
  float below(int64_t i, double squared) const;  // the true distance
  double above(int64_t i, double squared) const;
  double reach(int64_t i, double distance) const;  // squared, beyond which a true distance is surely no smaller
  bool surely_farther(int64_t i, int64_t group, double reach);

  Context& context_;
  int64_t n_, width_, count_ = 0;
  bool bounded_;
  int calls_ = 0;
  std::function<void(const Rows&)> each_;
  std::vector<Group> groups_;
  std::vector<int64_t> group_of_;  // of each centre
  std::vector<float> centers_;     // [k,D]
  std::vector<double> center_squares_;
  double longest_ = 0;                     // centre
  std::vector<double> squares_, lengths_;  // of the rows: |x|^2 and its root
  std::vector<int64_t> of_;
  std::vector<double> distances_, upper_;  // squared as measured, and no less than the true one
  std::vector<float> lower_;               // no more than the true distance to any centre of a group but its own
  std::vector<uint8_t> measured_;          // since the last call
};

}  // namespace crc::select
