// The caller's arrays (crc/select.h) as arrays on a device: where they stand if their device, type and order allow it,
// else converted once, block by block.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "crc/host_rows.h"
#include "crc/select.h"
#include "kernels/core/tensor.h"

namespace crc::select {

using crc_active::Array;

std::string describe(const Array& array);  // "[1000,512] <f4", "[1000,512] <f4 in Fortran order"
bool is_given(const Array& array);         // has a shape
int64_t bytes_of(crc_active::Type type);   // of a number, as it is stored
int64_t bytes_of(const Array& array);

// The advice for an array of that shape which is no [items,columns].
std::string row_advice(std::span<const int64_t> shape);

// Rows [begin,end) of an array of one or two dimensions in host memory, converted and in C order.
template <class T> void read_rows(const Array& array, int64_t begin, int64_t end, T* out);

enum class Precision { as_stored, fp32 };

// One array [items,columns], or of its rows one range an array, in their order (shards): types and orders of shards may
// differ, and one of fp64 makes all of them fp64, but where fp32 is asked for.
class RowArrays {
 public:
  // Checks shapes; reads no number. Error corrupt_data, naming the array.
  RowArrays(std::vector<Array> shards, const char* what);
  // Error out_of_memory, numerical (fp64 numbers beyond fp32 where that is asked for), config (on another device).
  const Rows& load(Context& context, Precision precision);

  int64_t items() const { return items_; }
  int64_t columns() const { return shards_.empty() ? 0 : shards_[0].shape[1]; }
  std::string name() const;  // "features", "a.npy and 3 more"; "" without arrays
  const Rows& rows() const { return rows_; }
  const std::vector<Array>& files() const { return shards_; }
  bool in_place() const { return in_place_; }  // not copied by load()

 private:
  template <class T> View<const T, 2> load_as(Context& context);
  template <class T> void convert(Context& context, const Array& shard, int64_t first);
  void check_range(const Array& shard, int64_t first, int64_t begin, std::span<const float> rows) const;

  std::vector<Array> shards_;
  const char* what_;
  int64_t items_ = 0;
  bool in_place_ = true;
  Tensor converted_;
  Rows rows_;
};

// An array of R dimensions in fp32; what was converted stands in `keep`. An array that is not given is an empty view.
// Error corrupt_data, naming the array: "<name> holds <...>; <what> are floats <shape>".
template <int R>
View<const float, R> load_floats(Context& context, const Array& array, const char* what, const char* shape,
                                 std::vector<Tensor>& keep);

}  // namespace crc::select
