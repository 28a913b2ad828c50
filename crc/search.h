// Candidate groups, and the choice among scored ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crc/host_rows.h"
#include "crc/ties.h"

namespace crc::select {

class ShardedRows;
struct Config;

struct Groups {
  int64_t size = 1;              // G
  std::vector<int64_t> members;  // [K*G] item ids, ascending within a group
  int64_t count() const { return int64_t(members.size()) / size; }
  std::span<const int64_t> operator[](int64_t k) const { return {members.data() + k * size, size_t(size)}; }
};

// Algorithm 1 of the paper: the pool, shuffled by (seed, round), cut into floor(|U|/G) disjoint groups.
Groups partition(std::span<const int64_t> unlabeled, int64_t size, uint32_t seed, int64_t round);

// Which items have the same features as an earlier one (by item id) of the pool. Beyond |L|+G > rank the smallest
// eigenvalue no longer drops to zero when a group holds a copy, so copies are told apart by their features.
class Copies {
 public:
  template <class T>
  Copies(const HostMatrix<T>& features, std::span<const int64_t> labeled, std::span<const int64_t> unlabeled);
  // Of a pool of `items` in several processes: equal are rows of one hash of 128 bits, of which every process gets an
  // equal part. One pass over the rows; 24 bytes an item cross. Collective.
  Copies(const ShardedRows& features, int64_t items, std::span<const int64_t> labeled,
         std::span<const int64_t> unlabeled, const Config& config);
  int64_t original(int64_t item) const { return original_[item]; }  // the smallest id with these features
  // Whether the item is equal to one of smaller id or to a labelled one.
  bool duplicate(int64_t item) const { return original_[item] != item || labeled_[item]; }
  // A group is degenerate (paper section 3.2) if it holds two equal items or a copy of a labelled one.
  bool degenerate(std::span<const int64_t> group) const;

 private:
  std::vector<int64_t> original_;  // [N], -1 outside the pool
  std::vector<bool> labeled_;      // [N] whether this original has a labelled copy (or is labelled)
};

// Appends to `chosen` the best groups that share no item with those chosen before, until there are `wanted`: larger
// score first, equal ones as drawn (crc/ties.h). Groups that bring a copy, of anything labelled, of their own or of
// what is chosen, come last; they are not taken at all if `allow_copies` is false. Of groups that are equal item by
// item the one with the smallest ids comes first.
void choose(std::vector<int64_t>& chosen, int64_t wanted, const Groups& groups, std::span<const double> scores,
            const Copies& copies, const Ties& ties, bool allow_copies = true);

}  // namespace crc::select
