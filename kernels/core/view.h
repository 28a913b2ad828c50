// View: a dense row-major array that somebody else owns. POD, passed by value to functions and kernels.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "kernels/core/error.h"
#include "kernels/core/hd.h"

namespace crc {

enum class DeviceKind : uint8_t { cpu, cuda };

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int16_t index = 0;  // CUDA ordinal
  friend bool operator==(Device, Device) = default;
};
inline std::string to_string(Device device) {
  return device.kind == DeviceKind::cpu ? "cpu" : "cuda:" + std::to_string(device.index);
}

template <class T, int R> struct View {
  T* data = nullptr;
  int64_t shape[R] = {};
  Device device;
  const char* name = "";  // a string that outlives the view; it appears in errors

  CRC_HD int64_t size() const {
    int64_t n = 1;
    for (int d = 0; d < R; ++d) n *= shape[d];
    return n;
  }
  CRC_HD T& operator[](int64_t i) const { return data[i]; }  // flat index
  template <class... I> CRC_HD T& operator()(I... i) const {
    static_assert(sizeof...(I) == R);
    const int64_t index[] = {int64_t(i)...};
    int64_t flat = 0;
    for (int d = 0; d < R; ++d) flat = flat * shape[d] + index[d];
    return data[flat];
  }
  // A template only so that it does not exist for View<const T>.
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) operator View<U, R>() const {
    View<U, R> v{data, {}, device, name};
    for (int d = 0; d < R; ++d) v.shape[d] = shape[d];
    return v;
  }
  View<T, 1> flat() const { return {data, {size()}, device, name}; }
  // Rows [begin, end) of the first dimension.
  View slice(int64_t begin, int64_t end) const {
    if (begin < 0 || end < begin || end > shape[0])
      fail_internal("slice [" + std::to_string(begin) + ", " + std::to_string(end) + ") of '" + name + "' " +
                    shape_string(*this));
    View v = *this;
    v.shape[0] = end - begin;
    const int64_t row = shape[0] == 0 ? 0 : size() / shape[0];
    v.data += begin * row;
    return v;
  }
};

template <class T, int R> std::string shape_string(const View<T, R>& v) {
  std::string s = "[";
  for (int d = 0; d < R; ++d) s.append(d ? "," : "").append(std::to_string(v.shape[d]));
  return s + "]";
}

// Fails unless v has the expected shape; the message names the op, the view and both shapes. -1 matches any extent.
template <class T, int R>
void check_shape(const char* op, const View<T, R>& v, const std::type_identity_t<int64_t> (&expected)[R]) {
  bool same = true;
  for (int d = 0; d < R; ++d) same = same && (expected[d] == -1 || expected[d] == v.shape[d]);
  if (same) return;
  View<T, R> e = v;
  for (int d = 0; d < R; ++d) e.shape[d] = expected[d];
  fail_internal(std::string(op) + ": '" + v.name + "' has shape " + shape_string(v) + ", expected " + shape_string(e));
}

}  // namespace crc
