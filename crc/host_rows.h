// Rows of a device array in host memory, checked to be finite where an acquisition will use them. On the CPU they are
// the caller's own and are not copied.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kernels/core/context.h"

namespace crc::select {

// Features in the precision that they come in: fp64 embeddings are scored in fp64.
using Rows = std::variant<View<const float, 2>, View<const double, 2>>;

template <class T> struct HostMatrix {
  std::vector<T> owned;     // empty where `data` is somebody else's
  std::span<const T> data;  // [count,width]
  int64_t width;

  HostMatrix(std::vector<T> values, int64_t width_) : owned(std::move(values)), data(owned), width(width_) {}
  HostMatrix(std::span<const T> values, int64_t width_) : data(values), width(width_) {}
  HostMatrix(HostMatrix&&) = default;  // a moved vector keeps its elements where they are
  int64_t count() const { return int64_t(data.size()) / width; }
  std::span<const T> operator[](int64_t item) const { return data.subspan(item * width, width); }
};
using HostRows = HostMatrix<float>;

// Error numerical, naming the item: the row holds NaN or infinity.
template <class T> void check_finite(std::span<const T> row, const char* what, int64_t item);

// Error config if the array is empty ("<acquisition> needs <what>"), numerical if a row that one of `lists` names holds
// NaN or infinity.
template <class T>
HostMatrix<T> read_rows(Context& context, View<const T, 2> array, const std::string& acquisition, const char* what,
                        std::initializer_list<std::span<const int64_t>> lists);

// For acquisitions that compute in fp32: features times 2^-exponent, which is 0 but where they leave fp32's range.
struct Fp32Features : HostRows {
  int exponent;
  double square(double value) const { return std::ldexp(value, 2 * exponent); }  // of features, from one of the rows
};
int fp32_exponent(double largest);  // by the largest magnitude of features
Fp32Features read_features(Context& context, const Rows& features, const std::string& acquisition,
                           std::initializer_list<std::span<const int64_t>> lists);

}  // namespace crc::select
