// Features and logits: .npy files as arrays that stay where they are mapped.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "crc/select.h"
#include "data/npy.h"

namespace crc::apps {

crc_active::Array array_of(const data::NpyArray& array, const fs::path& path);  // of floats; it points into the file

// One array [items,columns] of float16, 32 or 64, in C or Fortran order, or of its rows one range a file, in their
// order (shards). No file gives no rows.
class RowFiles {
 public:
  // `what` is "features" or "logits"; uint16 are numbers in bf16 if `bf16` says so. Reads headers alone. Error:
  // input_missing, corrupt_data (other shapes and types, Parquet, shards of different widths).
  RowFiles(std::span<const fs::path> files, const char* what, bool bf16 = false);

  std::vector<crc_active::Array> arrays() const;  // they point into the files, which this keeps open
  int64_t columns() const { return shards_.empty() ? 0 : shards_[0].array.shape[1]; }
  bool has_bf16() const;
  // "h.npy [1000,512] <f4"; of shards the whole, and how many they are.
  std::string describe() const;

 private:
  struct Shard {
    fs::path path;
    data::NpyArray array;
  };
  void open(const fs::path& path, const char* what, bool bf16);

  std::vector<Shard> shards_;
  int64_t items_ = 0;
};

}  // namespace crc::apps
