// Groups of G places in a pool, each drawn uniformly without replacement, whatever the others hold (Floyd's algorithm:
// Bentley & Floyd 1987): members[k,:] = pool at the places of draw number first + k of (seed, round), ascending if the
// pool is. A group is a function of its number alone: any of them can be drawn again, on any device. Class: exact.
// members [K,G], pool [P], 1 <= G <= P < 2^32 (the caller checks).
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/random.h"

namespace crc {

struct DrawGroups {
  int64_t* members;
  const int64_t* pool;
  int64_t size, count, first;  // G, P
  uint32_t seed, round;

  CRC_HD void operator()(int64_t k) const {
    int64_t* group = members + k * size;
    Draws draws(seed, Purpose::group_shuffle, first + k, round);
    for (int64_t taken = 0; taken < size; ++taken) {
      const int64_t last = count - size + taken;
      int64_t place = draws.below(uint32_t(last + 1));
      for (int64_t j = 0; j < taken; ++j)
        if (group[j] == place) {
          place = last;
          break;
        }
      int64_t j = taken;  // into its place of the ascending list
      for (; j > 0 && group[j - 1] > place; --j) group[j] = group[j - 1];
      group[j] = place;
    }
    for (int64_t j = 0; j < size; ++j) group[j] = pool[group[j]];
  }
};

struct DrawGroupsConfig {
  int64_t first = 0;
  uint32_t seed = 0, round = 0;
};

CRC_OP(void, draw_groups, (View<int64_t, 2> members, View<const int64_t, 1> pool, DrawGroupsConfig config))

}  // namespace crc
