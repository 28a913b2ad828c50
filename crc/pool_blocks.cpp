#include "crc/pool_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace crc::select {

void chain(Ranks& ranks, std::vector<double>& total, const std::function<void(std::vector<double>&)>& add) {
  for (int turn = 0; turn < ranks.size(); ++turn) {
    std::vector<Ranks::Bytes> out(static_cast<size_t>(ranks.size()));
    if (turn == ranks.rank()) {
      add(total);
      const char* bytes = reinterpret_cast<const char*>(total.data());
      for (Ranks::Bytes& part : out) part.assign(bytes, bytes + total.size() * sizeof(double));
    }
    const std::vector<Ranks::Bytes> in = ranks.exchange(std::move(out));
    std::memcpy(total.data(), in[size_t(turn)].data(), total.size() * sizeof(double));
  }
}

PoolBlocks::PoolBlocks(Context& context, const Problem& problem, const Config& config, Whose whose)
    : context_(context), problem_(problem) {
  if (!problem.shards) {
    pool_.emplace(context, problem, config, Scaling::none);
    items_ = pool_->items, width_ = pool_->rows().shape[1], exponent_ = pool_->exponent();
    if (whose == Whose::pool) return;
    items_.assign(problem.unlabeled.begin(), problem.unlabeled.end());
    unlabeled_ = pool_->gather(context, pool_->unlabeled);
    return;
  }
  if (!problem.shards->features)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs features, and none were given", config.name));
  shards_ = &*problem.shards->features;
  ranks_ = &problem.shards->ranks;
  width_ = shards_->columns();
  const std::span<const int64_t> labeled = shards_->own(problem.labeled), unlabeled = shards_->own(problem.unlabeled);
  std::ranges::merge(whose == Whose::pool ? labeled : std::span<const int64_t>(), unlabeled,
                     std::back_inserter(items_));
  if (!shards_->wide()) return;
  double largest[] = {0};
  for (const auto& list : {labeled, unlabeled})
    shards_->each_block<double>(list, [&](auto, std::span<const double> rows) {
      for (double value : rows) largest[0] = std::max(largest[0], std::abs(value));
    });
  ranks_->largest(largest);
  exponent_ = fp32_exponent(largest[0]);
}

std::span<const int64_t> PoolBlocks::own(std::span<const int64_t> items) const {
  return shards_ ? shards_->own(items) : items;
}

std::vector<int64_t> PoolBlocks::places(std::span<const int64_t> items) const {
  std::vector<int64_t> places;
  for (int64_t item : items) places.push_back(std::ranges::lower_bound(items_, item) - items_.begin());
  return places;
}

std::vector<float> PoolBlocks::narrowed(std::span<const double> wide) const {
  std::vector<float> narrow;
  narrow.reserve(wide.size());
  for (double value : wide) narrow.push_back(float(std::ldexp(value, -exponent_)));
  return narrow;
}

void PoolBlocks::each(const std::function<void(int64_t, View<const float, 2>)>& f) const {
  if (unlabeled_.shape().size() == 2) return f(0, unlabeled_.view<const float, 2>());
  if (pool_) return f(0, pool_->rows());
  int64_t begin = 0;
  const auto pass_on = [&](std::span<const float> rows) {
    const int64_t n = int64_t(rows.size()) / width_;
    const SharedRows block(context_, {rows.begin(), rows.end()}, n, width_, "rows of the pool");
    f(begin, block.view());
    begin += n;
  };
  if (shards_->wide())
    shards_->each_block<double>(items_, [&](auto, std::span<const double> rows) { pass_on(narrowed(rows)); });
  else
    shards_->each_block<float>(items_, [&](auto, std::span<const float> rows) { pass_on(rows); });
}

Tensor PoolBlocks::rows(std::span<const int64_t> items) const {
  if (pool_) {
    std::vector<int64_t> at;
    for (int64_t item : items) at.push_back(std::ranges::lower_bound(pool_->items, item) - pool_->items.begin());
    return pool_->gather(context_, at);
  }
  const std::vector<float> values =
      shards_->wide() ? narrowed(shards_->everywhere<double>(items)) : shards_->everywhere<float>(items);
  return Tensor::from_host(context_, {int64_t(items.size()), width_}, values.data(), "some rows of the pool");
}

const PoolIndex& PoolBlocks::index() const {
  if (pool_) return *pool_;
  if (!index_) index_.emplace(problem_, Copies(*shards_, problem_.shards->items, problem_.labeled, problem_.unlabeled));
  return *index_;
}

}  // namespace crc::select
