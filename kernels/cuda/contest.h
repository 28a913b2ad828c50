// The gate on a GPU (kernels/core/gate.h): a contest between ways to write arrays of device memory.
#pragma once

#include <string>
#include <vector>

#include "kernels/core/dtype.h"
#include "kernels/core/gate.h"
#include "kernels/core/view.h"

namespace crc {

class Cuda;

// An array that every way writes whole. Before a way runs it is all NaN (-1 where it holds integers), or zero where ways
// add to it.
struct Contested {
  void* data;
  int64_t count;
  Dtype dtype;  // f32, f64, bf16, i32 or i64
  bool zeroed = false;

  template <class T, int R>
  explicit Contested(View<T, R> view, bool zero = false) : Contested(view.data, view.size(), DtypeOf<T>::value, zero) {}
  Contested(void* array, int64_t n, Dtype type, bool zero = false) : data(array), count(n), dtype(type), zeroed(zero) {}
};

// Whether choose_way would hold a contest for this key. Then it must not be under graph capture: error internal.
bool contest_due(Cuda& cuda, const std::string& key);

// Gate::choose. `tolerance` is relative to each array's largest magnitude. Copies of the arrays are taken from scratch
// memory, and do not count for what a step needs. Waits for the device where there is a contest.
size_t choose_way(Cuda& cuda, const std::string& key, const std::vector<Way>& ways, const std::vector<Contested>& out,
                  double tolerance);

}  // namespace crc
