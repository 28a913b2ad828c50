#include "crc/pool_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kStreamRows = 4 * kPairChunk;  // that pass by at a time; enough products for each that is converted

// Where processes begin, moved to the nearest items with a multiple of kPairChunk items of the pool before them.
std::vector<int64_t> cuts_at_chunks(std::vector<int64_t> cuts, std::span<const int64_t> pool) {
  for (size_t r = 1; r + 1 < cuts.size(); ++r) {
    const int64_t before = std::ranges::lower_bound(pool, cuts[r]) - pool.begin();
    const int64_t place = (before + kPairChunk / 2) / kPairChunk * kPairChunk;
    cuts[r] = place < int64_t(pool.size()) ? pool[size_t(place)] : cuts.back();
  }
  return cuts;
}

}  // namespace

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

PoolBlocks::PoolBlocks(Context& context, const Problem& problem, const Config& config, BlocksOf of)
    : context_(context), problem_(problem), config_(&config), of_(of) {
  if (!problem.shards) {
    pool_.emplace(context, problem, config, of.scaling);
    items_ = pool_->items, width_ = pool_->rows().shape[1], exponent_ = pool_->exponent();
    if (of.whose == Whose::pool) return;
    items_.assign(problem.unlabeled.begin(), problem.unlabeled.end());
    unlabeled_ = pool_->gather(context, pool_->unlabeled);
    return;
  }
  if (!problem.shards->features)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs features, and none were given", config.name));
  std::vector<int64_t> all;
  std::ranges::merge(of.whose == Whose::pool ? problem.labeled : std::span<const int64_t>(), problem.unlabeled,
                     std::back_inserter(all));
  shards_ = *problem.shards->features;
  if (of.chunks) shards_ = shards_->recut(cuts_at_chunks(shards_->cuts(), all));
  ranks_ = &problem.shards->ranks;
  width_ = shards_->columns();
  const std::span<const int64_t> here = shards_->own(all);
  items_.assign(here.begin(), here.end());
  first_ = here.data() - all.data();
  if (!shards_->wide()) return;
  double largest[] = {0};
  for (const auto& list : {problem.labeled, problem.unlabeled})
    shards_->each_block<double>(shards_->own(list), [&](auto, std::span<const double> rows) {
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

// To fp32 and to the length that was asked for, as PoolRows does both.
template <class T> std::vector<float> PoolBlocks::converted(std::span<const T> rows) const {
  std::vector<float> values;
  values.reserve(rows.size());
  if constexpr (std::is_same_v<T, double>)
    for (double value : rows) values.push_back(float(std::ldexp(value, -exponent_)));
  else
    values.assign(rows.begin(), rows.end());
  if (of_.scaling == Scaling::none || width_ == 0) return values;
  for (size_t begin = 0; begin < values.size(); begin += size_t(width_))
    scale_row(of_.scaling, std::span<const float>(values).subspan(begin, size_t(width_)), values.data() + begin);
  return values;
}

int64_t PoolBlocks::multiple() const { return of_.chunks ? kPairChunk : 1; }

void PoolBlocks::each(const Rows& f) const {
  if (unlabeled_.shape().size() == 2) return f(0, unlabeled_.view<const float, 2>());
  if (pool_) return f(0, pool_->rows());
  each_of(items_, f);
}

void PoolBlocks::each_of(std::span<const int64_t> own_items, const Rows& f) const {
  if (pool_) {
    const Tensor some = rows(own_items);
    return f(0, some.view<const float, 2>());
  }
  int64_t begin = 0;
  const auto pass_on = [&](auto some, auto rows) {
    const int64_t n = int64_t(some.size());
    const SharedRows block(context_, converted(rows), n, width_, "rows of the pool");
    f(begin, block.view());
    begin += n;
  };
  if (shards_->wide())
    shards_->each_block<double>(own_items, pass_on, multiple());
  else
    shards_->each_block<float>(own_items, pass_on, multiple());
}

Tensor PoolBlocks::rows(std::span<const int64_t> items) const {
  if (pool_) {
    std::vector<int64_t> at;
    for (int64_t item : items) at.push_back(std::ranges::lower_bound(pool_->items, item) - pool_->items.begin());
    return pool_->gather(context_, at);
  }
  const std::vector<float> values = shards_->wide()
                                        ? converted(std::span<const double>(shards_->everywhere<double>(items)))
                                        : converted(std::span<const float>(shards_->everywhere<float>(items)));
  return Tensor::from_host(context_, {int64_t(items.size()), width_}, values.data(), "some rows of the pool");
}

Tensor PoolBlocks::at(std::span<const int64_t> places) const {
  if (pool_) return pool_->gather(context_, places);
  return rows(index().items_at(places));
}

void PoolBlocks::stream(std::span<const int64_t> items, const Rows& f) const {
  const int64_t count = int64_t(items.size()), row = std::max<int64_t>(1, width_ * int64_t(sizeof(float)));
  int64_t most = count;
  if (!pool_)
    most = std::max(multiple(), std::min(kStreamRows, shards_->block_bytes() / row / multiple() * multiple()));
  for (int64_t begin = 0; begin < count; begin += most) {
    const Tensor some = rows(items.subspan(size_t(begin), size_t(std::min(most, count - begin))));
    f(begin, some.view<const float, 2>());
  }
}

const PoolIndex& PoolBlocks::index() const {
  if (pool_) return *pool_;
  if (!index_)
    index_.emplace(problem_, Copies(*problem_.shards->features, problem_.shards->items, problem_.labeled,
                                    problem_.unlabeled, *config_));
  return *index_;
}

}  // namespace crc::select
