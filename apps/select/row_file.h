// Features and logits: .npy files as arrays on a device.
#pragma once

#include <string>
#include <variant>

#include "apps/files.h"
#include "data/npy.h"
#include "kernels/core/tensor.h"

namespace crc::apps {

enum class Precision { as_stored, fp32 };

// [items,columns] of float16, 32 or 64, in C or Fortran order. On the CPU, fp32 and fp64 in C order stay in the mapped
// file; anything else is converted block by block, float16 to fp32. An empty path gives no rows.
class RowFile {
 public:
  // `what` is "features" or "logits". Error: input_missing, corrupt_data (other shapes and types), out_of_memory.
  RowFile(Context& context, const fs::path& path, const char* what, Precision precision);

  int64_t items() const { return items_; }
  int64_t columns() const { return columns_; }
  bool empty() const { return items_ == 0; }
  bool is_double() const { return is_double_; }
  // T must be double if is_double(), else float.
  template <class T> View<const T, 2> view() const {
    return {static_cast<const T*>(data_), {items_, columns_}, device_, what_};
  }
  std::string describe() const { return empty() ? "" : array_.describe(); }

 private:
  template <class T> void load(Context& context);
  const char* what_;
  data::NpyArray array_;
  Tensor converted_;
  const void* data_ = nullptr;
  int64_t items_ = 0, columns_ = 0;
  bool is_double_ = false;
  Device device_;
};

}  // namespace crc::apps
