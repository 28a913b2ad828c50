// Candidate groups on the device: listed ones, or draws, of which only the few that are looked at again are ever
// listed.
#pragma once

#include "crc/search.h"
#include "kernels/core/tensor.h"

namespace crc::select {

class Candidates {
 public:
  // Groups of item ids out of `unlabeled` (ascending).
  Candidates(Groups groups, std::span<const int64_t> unlabeled);
  // Draws number first .. first+count-1 of (seed, round), each from all of `pool`, a part of `unlabeled` (ascending).
  Candidates(std::span<const int64_t> pool, std::span<const int64_t> unlabeled, int64_t size, int64_t count,
             int64_t first, uint32_t seed, int64_t round);

  int64_t count() const { return count_; }
  int64_t size() const { return size_; }
  // Places in `unlabeled` of the groups [first, first + B).
  Tensor positions(Context& context, int64_t first, int64_t groups) const;
  // Item ids of the groups `which`, in that order.
  Groups members(std::span<const int64_t> which) const;

 private:
  std::vector<int64_t> unlabeled_;
  int64_t size_, count_;
  std::vector<int64_t> listed_;  // [K,G] places; empty for draws
  std::vector<int64_t> pool_;    // [P] places to draw from
  int64_t first_ = 0, round_ = 0;
  uint32_t seed_ = 0;
};

}  // namespace crc::select
