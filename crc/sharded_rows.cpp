#include "crc/sharded_rows.h"

#include <algorithm>
#include <cmath>

#include "crc/arrays.h"
#include "crc/host_loop.h"
#include "crc/host_rows.h"

namespace crc::select {
namespace {

using crc_active::Array;
using crc_active::Type;

}  // namespace

ShardedRows::ShardedRows(Context& context, Ranks& ranks, std::vector<Array> files, const char* what,
                         std::vector<int64_t> cuts, int64_t block_bytes)
    : context_(&context),
      ranks_(&ranks),
      files_(std::move(files)),
      cuts_(std::move(cuts)),
      what_(what),
      block_bytes_(block_bytes) {
  int64_t begin = 0;
  for (const Array& file : files_) {
    begins_.push_back(begin);
    begin += file.shape[0];
    wide_ = wide_ || file.type == Type::f64;
  }
  const bool alike = std::ranges::all_of(files_, [&](const Array& f) { return f.type == files_[0].type; });
  packed_ = alike ? files_[0].type : wide_ ? Type::f64 : Type::f32;
}

ShardedRows ShardedRows::recut(std::vector<int64_t> cuts) const {
  ShardedRows rows = *this;
  rows.cuts_ = std::move(cuts);
  return rows;
}

int ShardedRows::owner(int64_t item) const { return int(std::ranges::upper_bound(cuts_, item) - cuts_.begin()) - 1; }

int64_t ShardedRows::own_bytes() const {
  const auto r = size_t(ranks_->rank());
  return (cuts_[r + 1] - cuts_[r]) * columns() * bytes_of(packed_);
}

std::span<const int64_t> ShardedRows::own(std::span<const int64_t> items) const {
  const auto r = size_t(ranks_->rank());
  const auto begin = std::ranges::lower_bound(items, cuts_[r]), end = std::ranges::lower_bound(items, cuts_[r + 1]);
  return {begin, end};
}

template <class T> void ShardedRows::read(int64_t item, T* out) const {
  const auto f = size_t(std::ranges::upper_bound(begins_, item) - begins_.begin()) - 1;
  read_rows(files_[f], item - begins_[f], item - begins_[f] + 1, out);
}

template <class T>
void ShardedRows::each_block(std::span<const int64_t> items,
                             const std::function<void(std::span<const int64_t>, std::span<const T>)>& f,
                             int64_t multiple) const {
  const int64_t width = columns(), fit = block_bytes_ / (width * int64_t(sizeof(T)));
  const int64_t most = std::max<int64_t>(1, fit / multiple) * multiple;
  std::vector<T> rows(size_t(std::min<int64_t>(most, int64_t(items.size())) * width));
  while (!items.empty()) {
    const auto some = items.first(std::min(items.size(), size_t(most)));
    const std::span<T> values(rows.data(), some.size() * size_t(width));
    std::vector<char> finite(some.size());
    each_on_host(*context_, int64_t(some.size()), [&](int64_t k) {
      const std::span<T> row = values.subspan(size_t(k * width), size_t(width));
      read(some[size_t(k)], row.data());
      finite[size_t(k)] = std::ranges::all_of(row, [](T x) { return std::isfinite(x); });
    });
    const auto bad = size_t(std::ranges::find(finite, char(false)) - finite.begin());
    if (bad < some.size())
      check_finite(std::span<const T>(values).subspan(bad * size_t(width), size_t(width)), what_, some[bad]);
    f(some, values);
    items = items.subspan(some.size());
  }
}

void ShardedRows::pack(int64_t item, std::vector<char>& out) const {
  const auto f = size_t(std::ranges::upper_bound(begins_, item) - begins_.begin()) - 1;
  const int64_t width = columns(), row = item - begins_[f], bytes = bytes_of(packed_);
  const size_t end = out.size();
  out.resize(end + size_t(width * bytes));
  if (files_[f].type == packed_ && files_[f].strides.empty()) {
    const char* data = static_cast<const char*>(files_[f].data) + row * width * bytes;
    std::copy_n(data, width * bytes, out.begin() + int64_t(end));
  } else if (packed_ == Type::f64) {
    read_rows(files_[f], row, row + 1, reinterpret_cast<double*>(out.data() + end));
  } else if (packed_ == Type::f32) {
    read_rows(files_[f], row, row + 1, reinterpret_cast<float*>(out.data() + end));
  } else {  // 16 bits, in Fortran order
    const char* data = static_cast<const char*>(files_[f].data);
    for (int64_t d = 0; d < width; ++d)
      std::copy_n(data + (row * files_[f].strides[0] + d * files_[f].strides[1]) * bytes, bytes,
                  out.begin() + int64_t(end) + d * bytes);
  }
}

template <class T> void ShardedRows::unpack(const char* packed, T* row) const {
  read_rows(Array{.data = packed, .type = packed_, .shape = {1, columns()}}, 0, 1, row);
}

template <class T> std::vector<T> ShardedRows::deliver(std::span<const std::vector<int64_t>> wanted) const {
  std::vector<Ranks::Bytes> packed(wanted.size());
  const int own_rank = ranks_->rank();
  for (size_t r = 0; r < wanted.size(); ++r)
    for (int64_t item : wanted[r])
      if (owner(item) == own_rank) pack(item, packed[r]);
  packed = ranks_->exchange(std::move(packed));
  const std::vector<int64_t>& own = wanted[size_t(own_rank)];
  const int64_t width = columns(), bytes = width * bytes_of(packed_);
  std::vector<int64_t> next(packed.size(), 0);
  std::vector<T> rows(own.size() * size_t(width));
  for (size_t k = 0; k < own.size(); ++k) {
    const auto from = size_t(owner(own[k]));
    unpack(packed[from].data() + next[from]++ * bytes, rows.data() + int64_t(k) * width);
    check_finite(std::span<const T>(rows).subspan(k * size_t(width), size_t(width)), what_, own[k]);
  }
  return rows;
}

template <class T> std::vector<T> ShardedRows::everywhere(std::span<const int64_t> items) const {
  const std::vector<std::vector<int64_t>> wanted(size_t(ranks_->size()), {items.begin(), items.end()});
  return deliver<T>(wanted);
}

template void ShardedRows::each_block(std::span<const int64_t>,
                                      const std::function<void(std::span<const int64_t>, std::span<const float>)>&,
                                      int64_t) const;
template void ShardedRows::each_block(std::span<const int64_t>,
                                      const std::function<void(std::span<const int64_t>, std::span<const double>)>&,
                                      int64_t) const;
template std::vector<float> ShardedRows::deliver(std::span<const std::vector<int64_t>>) const;
template std::vector<double> ShardedRows::deliver(std::span<const std::vector<int64_t>>) const;
template std::vector<float> ShardedRows::everywhere(std::span<const int64_t>) const;
template std::vector<double> ShardedRows::everywhere(std::span<const int64_t>) const;

}  // namespace crc::select
