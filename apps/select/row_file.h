// Features and logits: .npy files as arrays on a device.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "crc/host_rows.h"
#include "data/npy.h"
#include "kernels/core/tensor.h"

namespace crc::apps {

enum class Precision { as_stored, fp32 };

// One array [items,columns] of float16, 32 or 64, in C or Fortran order, or of its rows one range a file, in their
// order (shards): types and orders of shards may differ, and one of fp64 makes all of them fp64. On the CPU, one file
// of fp32 or fp64 in C order stays mapped; anything else is converted once, block by block, bf16 and float16 to fp32. No
// file gives no rows.
class RowFile {
 public:
  // `what` is "features" or "logits"; uint16 are numbers in bf16 if `bf16` says so. Error: input_missing, corrupt_data
  // (other shapes and types, Parquet, shards of different widths), out_of_memory, numerical (fp64 numbers beyond fp32
  // where that is asked for).
  RowFile(Context& context, std::span<const fs::path> files, const char* what, Precision precision, bool bf16 = false);

  int64_t items() const { return items_; }
  int64_t columns() const { return shards_.empty() ? 0 : shards_[0].array.shape[1]; }
  const select::Rows& rows() const { return rows_; }
  View<const float, 2> fp32() const { return std::get<View<const float, 2>>(rows_); }  // of Precision::fp32
  bool has_bf16() const;
  // "h.npy [1000,512] <f4"; of shards the whole, and how many they are.
  std::string describe() const;

 private:
  struct Shard {
    fs::path path;
    data::NpyArray array;
    int64_t begin;  // its first item
  };
  void open(const fs::path& path, const char* what, bool bf16);
  template <class T> View<const T, 2> load(Context& context, const char* what);
  template <class T> void convert(Context& context, const Shard& shard, const char* what);
  void check_range(const Shard& shard, int64_t begin, std::span<const float> rows, const char* what) const;

  std::vector<Shard> shards_;
  int64_t items_ = 0;
  Tensor converted_;
  select::Rows rows_;
};

}  // namespace crc::apps
