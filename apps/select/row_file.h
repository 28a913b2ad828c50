// Features and logits: .npy files as arrays on a device.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "apps/base/files.h"
#include "crc/host_rows.h"
#include "data/npy.h"
#include "kernels/core/tensor.h"

namespace crc::apps {

enum class Precision { as_stored, fp32 };

// [items,columns] of float16, 32 or 64, in C or Fortran order. On the CPU, fp32 and fp64 in C order stay in the mapped
// file; anything else is converted block by block, float16 to fp32. An empty path gives no rows.
class RowFile {
 public:
  // `what` is "features" or "logits". Error: input_missing, corrupt_data (other shapes and types), out_of_memory,
  // numerical (fp64 numbers beyond fp32 where that is asked for).
  RowFile(Context& context, const fs::path& path, const char* what, Precision precision);

  int64_t items() const { return array_ ? array_->shape[0] : 0; }
  int64_t columns() const { return array_ ? array_->shape[1] : 0; }
  const select::Rows& rows() const { return rows_; }
  View<const float, 2> fp32() const { return std::get<View<const float, 2>>(rows_); }  // of Precision::fp32
  std::string describe() const { return array_ ? array_->describe() : ""; }

 private:
  template <class T> View<const T, 2> load(Context& context, const char* what);
  void check_range(int64_t begin, std::span<const float> rows, const char* what) const;
  std::optional<data::NpyArray> array_;
  Tensor converted_;
  select::Rows rows_;
};

}  // namespace crc::apps
