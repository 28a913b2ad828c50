// Picks of a pool one by one, by features: items that repeat a labelled or picked one come last (Known), what ties is
// drawn (crc/ties.h).
#pragma once

#include <span>
#include <vector>

#include "crc/k_means.h"
#include "crc/pool_rows.h"

namespace crc::select {

class Picker {
 public:
  // `scores` of all unlabelled items, at first.
  Picker(const PoolIndex& pool, const Problem& problem, const Config& config, std::vector<double> scores);

  bool complete() const { return picks_.complete(); }

  // The place of the largest value; -1 if all are taken.
  int64_t best(std::span<const int64_t> places, std::span<const double> values) const;
  // drawn: nothing but chance spoke for it.
  void take(int64_t place, double score, bool drawn);

  // Of each cluster of `places`, while picks are missing, the one nearest to the centre: the largest cluster first, the
  // score minus the squared distance. Distances are compared in fp32: of two items alone with their mean neither is
  // nearer, however that rounds.
  void take_centers(std::span<const int64_t> places, const Clusters& clusters);
  // What is missing, by values of all unlabelled items, none negative; a value of 0 is drawn.
  void fill(std::span<const double> values);

  Selection finish(std::string summary) { return picks_.finish(std::move(summary)); }

 private:
  const PoolIndex& pool_;
  Ties ties_;
  Known known_;
  std::vector<bool> taken_;
  Picks picks_;
};

}  // namespace crc::select
