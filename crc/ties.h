// What decides between candidates of equal score: a number of each item's own, drawn by (seed, round) as the
// acquisition "random" draws it, so that a pool that tells nothing is queried at random and never in the order of its
// files.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace crc::select {

class Ties {
 public:
  Ties(uint32_t seed, int64_t round) : seed_(seed), round_(round) {}
  double draw(int64_t item) const;  // in [0,1); the larger comes first
  // Of the items of a group, descending: the lexicographically larger comes first.
  std::vector<double> draws(std::span<const int64_t> items) const;

  // The place of the largest value that is not taken; of equal ones the one whose item comes first.
  int64_t largest(std::span<const double> values, const std::vector<bool>& taken, std::span<const int64_t> items) const;

  // Sorts places by their scores, larger first; hands every run of equal ones to `order`.
  static void sort(std::vector<int64_t>& places, std::span<const double> scores,
                   const std::function<void(std::span<int64_t>)>& order);

  // For the log, where scores that tie leave more to chance than a query holds: "3 of 10 picks are drawn at random
  // (seed 0, round 1) among 396 candidates of equal score 0". Empty otherwise. picked: the scores of `scores` that
  // were.
  std::string warning(std::span<const double> scores, std::span<const double> picked) const;
  std::string warning(int64_t drawn, int64_t picks, int64_t among, double score) const;

 private:
  uint32_t seed_;
  int64_t round_;
};

}  // namespace crc::select
