// A step's batch in shards: equal parts that pass the network one after the other, or in several processes at once, each
// with batch statistics of its own. What the step then takes is the mean over the shards, formed in one binary tree:
// ((0 + 1) / 2 + (2 + 3) / 2) / 2. A shard's pass has the same shapes wherever it runs, and the tree is the same for any
// number of processes that each own a subtree: so are the bits.
#pragma once

#include <functional>
#include <vector>

#include "kernels/core/ranks.h"
#include "kernels/core/step_state.h"
#include "nn/params.h"

namespace crc::ssl {

class ShardMean {
 public:
  // What a pass leaves behind.
  struct Left {
    View<float, 1> gradients;  // [P]: zero before it
    View<float, 1> running;    // [R], the student's: before it those of the last step
    View<float, 1> teachers;   // [R] the same of a teacher that has its own; else empty
    View<float, 2> losses;     // [1,columns]: zero before it
    View<float, 2> tally;      // [kTallies,C]: before it that of the last step, of which a mean is as good as a sum
    View<float, 1> flat;       // all of them, one after the other
  };

  static constexpr const char* kName = "mean of shards";  // of its tensors

  // `shards` in all, a power of two. `ranks`: the processes that share them, as many as divide it; null: this one alone.
  ShardMean(Context& context, const nn::ParamLayout& layout, int64_t classes, int64_t shards, bool teacher,
            Ranks* ranks);

  // pass(s, left) of this process's shards; then their mean over all, in every process.
  const Left& operator()(const std::function<void(int64_t shard, const Left& left)>& pass);

  // Error internal: a process has other `values`, after step `step`.
  void compare(View<const float, 1> values, int64_t step) const;

 private:
  void mean_of(int64_t begin, int64_t end, size_t depth, const std::function<void(int64_t, const Left&)>& pass);

  Context& context_;
  Ranks* ranks_;
  int64_t shards_;
  std::vector<Tensor> memory_;
  std::vector<Left> mean_;  // by depth in the tree: of a subtree, while the one beside it is formed
  Tensor half_;             // a step whose average has decay 1/2: the mean of two
};

}  // namespace crc::ssl
