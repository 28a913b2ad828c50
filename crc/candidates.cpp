#include "crc/candidates.h"

#include <algorithm>

#include "kernels/ops/draw_groups.h"

namespace crc::select {
namespace {

std::vector<int64_t> places(std::span<const int64_t> items, std::span<const int64_t> unlabeled) {
  std::vector<int64_t> rows;
  rows.reserve(items.size());
  for (int64_t item : items) rows.push_back(std::ranges::lower_bound(unlabeled, item) - unlabeled.begin());
  return rows;
}

}  // namespace

Candidates::Candidates(Groups groups, std::span<const int64_t> unlabeled)
    : unlabeled_(unlabeled.begin(), unlabeled.end()),
      size_(groups.size),
      count_(groups.count()),
      listed_(places(groups.members, unlabeled)) {}

Candidates::Candidates(std::span<const int64_t> pool, std::span<const int64_t> unlabeled, int64_t size, int64_t count,
                       int64_t first, uint32_t seed, int64_t round)
    : unlabeled_(unlabeled.begin(), unlabeled.end()),
      size_(size),
      count_(count),
      pool_(places(pool, unlabeled)),
      first_(first),
      round_(round),
      seed_(seed) {}

Tensor Candidates::positions(Context& context, int64_t first, int64_t groups) const {
  if (pool_.empty()) return Tensor::from_host(context, {groups, size_}, listed_.data() + first * size_, "candidates");
  Tensor members(context, {groups, size_}, Dtype::i64, "candidates");
  const Tensor pool = Tensor::from_host(context, {int64_t(pool_.size())}, pool_.data(), "pool");
  draw_groups(context, members.view<int64_t, 2>(), pool.view<const int64_t, 1>(),
              DrawGroupsConfig{.first = first_ + first, .seed = seed_, .round = uint32_t(round_)});
  context.synchronize();
  return members;
}

Groups Candidates::members(std::span<const int64_t> which) const {
  Groups groups{size_, std::vector<int64_t>(which.size() * size_)};
  for (size_t k = 0; k < which.size(); ++k) {
    int64_t* group = groups.members.data() + k * size_;
    if (pool_.empty())
      std::copy_n(listed_.begin() + which[k] * size_, size_, group);
    else
      DrawGroups{group, pool_.data(), size_, int64_t(pool_.size()), first_ + which[k], seed_, uint32_t(round_)}(0);
    for (int64_t j = 0; j < size_; ++j) group[j] = unlabeled_[group[j]];
  }
  return groups;
}

}  // namespace crc::select
