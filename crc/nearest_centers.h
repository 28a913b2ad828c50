// Of each row the nearest of centres that move a little from call to call, as k-means asks for: what pairwise_least
// says of all pairs (kernels/ops/pairwise_tile.h), bit for bit and of equally near centres the first, without most of
// them. Yinyang k-means (Ding et al. 2015): centres are put into groups of near ones, and by the triangle inequality a
// group whose nearest centre was so far from a row that no shift since then can have made up for it needs no look:
//   |x - c'| >= |x - c| - |c - c'|.
// Bounds hold for the true distances; a look is saved only where they differ by more than fp64 can be off in both. On
// a GPU every row meets every centre.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernels/core/tensor.h"

namespace crc::select {

class NearestCenters {
 public:
  using Rows = std::function<void(int64_t, View<const float, 2>)>;  // f(begin, rows [n,D])

  // n rows of D features, which `each` calls for block by block, always in the same blocks.
  NearestCenters(Context& context, int64_t n, int64_t width, std::function<void(const Rows&)> each);

  // To centres [k,D], the same number in every call. Distances of rows that did not need a look are those of before.
  void assign(std::span<const float> centers);
  void measure_all();                           // distances of these rows too
  void shift(std::span<const double> lengths);  // centre c has moved by lengths[c] since
  void put(int64_t i, int64_t center);          // row i goes there, at distance 0, until the next call

  const std::vector<int64_t>& of() const { return of_; }               // [n]
  const std::vector<double>& distances() const { return distances_; }  // [n], squared

 private:
  struct Group {
    std::vector<int64_t> centers;  // ascending
    Tensor rows, squared;          // of these centres, and their norms
  };
  using Lists = std::vector<std::vector<int64_t>>;  // of each group, rows of a piece

  void measure_rows();
  void make_groups(std::span<const float> centers, int64_t count);
  void load(Group& group, std::span<const float> centers);
  void each_piece(const Rows& f) const;
  void assign_piece(int64_t begin, View<const float, 2> rows);
  void look(int64_t begin, View<const float, 2> rows, const Lists& lists);
  void look(const Group& at, int64_t begin, View<const float, 2> rows, std::span<const int64_t> list);
  void take(int64_t i, std::span<const double> least, std::span<const int64_t> which);
  void offer(int64_t i, int64_t group, const double* least, const int64_t* which);

  double error(int64_t i) const;  // of a squared distance
  float& lower(int64_t i, int64_t group) { return lower_[size_t(i) * groups_.size() + size_t(group)]; }
  float below(int64_t i, double squared) const;  // the true distance
  double above(int64_t i, double squared) const;
  bool surely_farther(int64_t i, int64_t group, double distance);

  Context& context_;
  int64_t n_, width_;
  bool bounded_;
  std::function<void(const Rows&)> each_;
  Group all_;
  std::vector<Group> groups_;              // none: every row looks at all centres
  std::vector<int64_t> group_of_;          // of each centre
  double longest_ = 0;                     // centre
  Tensor squared_;                         // norms of the rows
  std::vector<double> squares_, lengths_;  // the same on the host, and their roots
  std::vector<int64_t> of_;
  std::vector<double> distances_, upper_;  // squared as measured, and no less than the true one
  std::vector<float> lower_;               // no more than the true distance to any centre of a group but its own
  std::vector<uint8_t> measured_;          // in the last call
};

}  // namespace crc::select
