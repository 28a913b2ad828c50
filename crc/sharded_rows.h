// Rows of a pool that several processes share: each holds the rows of a range of items, where the files lie. What is
// one number an item (lists, scores, weights) is in every process and the same there; rows stay where they are, but for
// those that somebody asks for. With that, an acquisition is the same program in every process, and gives the same bits
// for any number of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "crc/select.h"
#include "kernels/core/context.h"
#include "kernels/core/ranks.h"

namespace crc::select {

class ShardedRows {
 public:
  // The whole array, as its files: of their numbers only those of this process's items are read. cuts [ranks+1]:
  // process r holds the items [cuts[r],cuts[r+1]). block_bytes: of rows that are in memory at a time, about. `context`
  // and `ranks` must outlive this.
  ShardedRows(Context& context, Ranks& ranks, std::vector<crc_active::Array> files, const char* what,
              std::vector<int64_t> cuts, int64_t block_bytes);

  ShardedRows recut(std::vector<int64_t> cuts) const;  // the same rows, held by others
  const std::vector<int64_t>& cuts() const { return cuts_; }

  Ranks& ranks() const { return *ranks_; }
  int64_t columns() const { return files_[0].shape[1]; }
  bool wide() const { return wide_; }  // some file holds fp64: rows are used in fp64
  int owner(int64_t item) const;
  int64_t block_bytes() const { return block_bytes_; }
  int64_t own_bytes() const;  // of the rows of this process, as they are stored
  // Those of an ascending list that this process holds.
  std::span<const int64_t> own(std::span<const int64_t> items) const;

  // f(items, rows [n,D]) block by block, of own items alone; all but the last of a multiple of so many rows. Error
  // numerical, naming the item: NaN or infinity.
  template <class T>
  void each_block(std::span<const int64_t> items,
                  const std::function<void(std::span<const int64_t>, std::span<const T>)>& f,
                  int64_t multiple = 1) const;

  // Collective; wanted[r] are the items whose rows process r gets, as every process knows: those of this one [n,D].
  template <class T> std::vector<T> deliver(std::span<const std::vector<int64_t>> wanted) const;
  template <class T> std::vector<T> everywhere(std::span<const int64_t> items) const;  // the same rows to all

 private:
  template <class T> void read(int64_t item, T* out) const;
  void pack(int64_t item, std::vector<char>& out) const;  // as packed_ says
  template <class T> void unpack(const char* packed, T* row) const;

  Context* context_;
  Ranks* ranks_;
  std::vector<crc_active::Array> files_;
  std::vector<int64_t> begins_, cuts_;
  const char* what_;
  int64_t block_bytes_;
  bool wide_ = false;
  crc_active::Type packed_;  // in which rows travel: that of the files if they agree
};

// What an acquisition needs of a pool in several processes.
struct Shards {
  Ranks& ranks;
  int64_t items;
  std::optional<ShardedRows> features, logits;
};

}  // namespace crc::select
