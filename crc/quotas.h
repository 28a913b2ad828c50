// At most so many picks of each part of the pool: of the classes that the model predicts, or of clusters. An acquisition
// of Trait::quotas picks as always, but an item of a part that is full may no longer be picked: greedy ones take the
// best of what is left, given their picks; ranking ones skip it. A full part stays part of what is covered.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crc/acquisition.h"

namespace crc::select {

class Quotas {
 public:
  explicit Quotas(const Config& config) : config_(config) {}
  bool full(int64_t item) const {
    return !config_.parts.empty() && counts_.size() > size_t(part(item)) && counts_[part(item)] >= config_.quota;
  }
  // `item` is picked. Whether its part is full now.
  bool take(int64_t item);
  // The same; if it is full, all its places among `items` are taken.
  void take(int64_t item, std::span<const int64_t> items, std::vector<bool>& taken);

 private:
  int32_t part(int64_t item) const { return config_.parts[size_t(item)]; }
  const Config& config_;
  std::vector<int64_t> counts_;  // of picks, by part
};

// Error config: config.name is not of Trait::weights, quotas or shards.
void check_takes(const Config& config, Trait trait);

// Error config: quotas and weights that the acquisition does not know, that are not one for each row of the arrays, or
// that leave fewer than `budget` items to pick.
void check_diversity(const Problem& problem, const Config& config);

// [N] The class of the largest logit, of equal ones the first. Error: those of read_logits, for rows of both lists.
std::vector<int32_t> predicted_classes(Context& context, const Problem& problem, const Config& config);

// [N] The k-means cluster of each item of the pool, features as they are (crc/k_means.h); -1 outside of it. Lists
// ascending.
std::vector<int32_t> feature_clusters(Context& context, const Problem& problem, const Config& config, int64_t clusters);

}  // namespace crc::select
