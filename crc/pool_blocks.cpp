#include "crc/pool_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace crc::select {

PoolBlocks::PoolBlocks(Context& context, const Problem& problem, const Config& config) : context_(context) {
  if (!problem.shards) {
    pool_.emplace(context, problem, config, Scaling::none);
    items_ = pool_->items, width_ = pool_->rows().shape[1], exponent_ = pool_->exponent();
    return;
  }
  if (!problem.shards->features)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs features, and none were given", config.name));
  shards_ = &*problem.shards->features;
  ranks_ = &problem.shards->ranks;
  width_ = shards_->columns();
  std::ranges::merge(shards_->own(problem.labeled), shards_->own(problem.unlabeled), std::back_inserter(items_));
  if (!shards_->wide()) return;
  double largest[] = {0};
  shards_->each_block<double>(items_, [&](auto, std::span<const double> rows) {
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
  if (pool_) return pool_->gather(context_, places(items));
  const std::vector<float> values =
      shards_->wide() ? narrowed(shards_->everywhere<double>(items)) : shards_->everywhere<float>(items);
  return Tensor::from_host(context_, {int64_t(items.size()), width_}, values.data(), "some rows of the pool");
}

void PoolBlocks::chain(std::vector<double>& total, const std::function<void(std::vector<double>&)>& add) const {
  for (int turn = 0; turn < ranks_->size(); ++turn) {
    std::vector<Ranks::Bytes> out(static_cast<size_t>(ranks_->size()));
    if (turn == ranks_->rank()) {
      add(total);
      const char* bytes = reinterpret_cast<const char*>(total.data());
      for (Ranks::Bytes& part : out) part.assign(bytes, bytes + total.size() * sizeof(double));
    }
    const std::vector<Ranks::Bytes> in = ranks_->exchange(std::move(out));
    std::memcpy(total.data(), in[size_t(turn)].data(), total.size() * sizeof(double));
  }
}

}  // namespace crc::select
