// A step's batch in shards: equal parts that pass the network (ssl/passes.h) one after the other, or in several processes
// at once. What the step then takes of their passes is the mean over the shards, formed in one binary tree:
// ((0 + 1) / 2 + (2 + 3) / 2) / 2. A shard's pass has the same shapes wherever it runs, and the tree is the same for any
// number of processes that each own a subtree: so are the bits.
#pragma once

#include <span>
#include <vector>

#include "kernels/core/ranks.h"
#include "kernels/core/step_state.h"
#include "nn/params.h"

namespace crc::ssl {

class ShardMean {
 public:
  // What the passes of a shard leave behind.
  struct Left {
    View<float, 1> gradients;  // [P]: zero before them
    View<float, 1> running;    // [R], the student's: before them those of the last step
    View<float, 1> teachers;   // [R] the same of a teacher that has its own; else empty
    View<float, 1> flat;       // all of them, one after the other
  };

  static constexpr const char* kName = "mean of shards";  // of its tensors

  // `shards` in all, a power of two. `ranks`: the processes that share them, as many as divide it; null: this one alone.
  ShardMean(Context& context, const nn::ParamLayout& layout, int64_t shards, bool teacher, Ranks* ranks);

  Ranks* ranks() const { return ranks_; }
  int64_t first() const { return first_; }             // of this process's shards
  std::span<const Left> own() const { return left_; }  // of each of them, in order
  // The mean over all, in every process; what was in own() is no more.
  const Left& mean();

  // Error internal: a process has other `values`, after step `step`.
  void compare(View<const float, 1> values, int64_t step) const;

 private:
  Context& context_;
  Ranks* ranks_;
  int64_t first_;
  std::vector<Tensor> memory_;
  std::vector<Left> left_;
  Tensor half_;  // a step whose average has decay 1/2: the mean of two
};

}  // namespace crc::ssl
