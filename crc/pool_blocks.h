// Features of a pool in fp32, as this process holds them, block by block: as one block where they lie in one process
// (as PoolRows has them), else its own rows, converted while they are read, so that memory does not grow with the pool.
// An acquisition that asks rows() for what it must see of others', lets stream() pass by what it must see once, and adds
// up in chain() is the same program for both.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "crc/pool_rows.h"
#include "crc/sharded_rows.h"
#include "kernels/core/ranks.h"

namespace crc::select {

// add(total) in one process after the other, each going on from the last: sums in the order of the items, for any
// number of processes. Collective.
void chain(Ranks& ranks, std::vector<double>& total, const std::function<void(std::vector<double>&)>& add);

enum class Whose : uint8_t { pool, unlabeled };

struct BlocksOf {
  Whose whose = Whose::pool;  // which items
  Scaling scaling = Scaling::none;
  bool chunks = false;  // blocks, and what a process holds, begin at a multiple of kPairChunk items
};

class PoolBlocks {
 public:
  using Rows = std::function<void(int64_t, View<const float, 2>)>;  // f(begin, rows [n,D])

  // `config` must outlive this. Errors: those of read_features.
  PoolBlocks(Context& context, const Problem& problem, const Config& config, BlocksOf of = {});

  std::span<const int64_t> items() const { return items_; }            // of this process, labelled ones too, ascending
  int64_t first() const { return first_; }                             // how many come before them, in other processes
  std::span<const int64_t> own(std::span<const int64_t> items) const;  // those of an ascending list that are here
  std::vector<int64_t> places(std::span<const int64_t> items) const;   // in items()
  int64_t width() const { return width_; }
  double square(double value) const { return std::ldexp(value, 2 * exponent_); }  // of features, from unscaled rows

  void each(const Rows& f) const;                                         // of items()[begin,begin+n)
  void each_of(std::span<const int64_t> own_items, const Rows& f) const;  // of some of them, ascending
  Tensor rows(std::span<const int64_t> items) const;                      // [items,D], whoever holds them; collective
  Tensor at(std::span<const int64_t> places) const;                       // rows() of items of index()
  // The rows of items of the pool, in any order, to every process, a block of them at a time. Collective.
  void stream(std::span<const int64_t> items, const Rows& f) const;

  Ranks& ranks() const { return *ranks_; }
  const PoolIndex& index() const;                                      // of the whole pool; collective at first
  const PoolRows* whole() const { return pool_ ? &*pool_ : nullptr; }  // in one process
  Scaling scaling() const { return of_.scaling; }

 private:
  template <class T> std::vector<float> converted(std::span<const T> rows) const;
  int64_t multiple() const;

  Context& context_;
  Problem problem_;
  const Config* config_;
  BlocksOf of_;
  std::optional<ShardedRows> shards_;
  mutable std::optional<PoolIndex> index_;
  Tensor unlabeled_;              // of one process
  std::optional<PoolRows> pool_;  // of one process
  mutable Ranks alone_;
  Ranks* ranks_ = &alone_;
  std::vector<int64_t> items_;
  int64_t width_ = 0, first_ = 0;
  int exponent_ = 0;
};

}  // namespace crc::select
