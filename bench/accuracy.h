// How far a kernel's output is from fp64 arithmetic: what must hold before its time means anything. At the sizes that
// are timed a whole reference would take longer than the measurement, so 256 elements of an array are compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "kernels/core/numeric_class.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"

namespace crc::bench {

// Any element as fp64.
template <class T> double wide(T value) {
  if constexpr (std::is_same_v<T, bf16>)
    return double(float(value));
  else
    return double(value);
}

struct Accuracy {
  double error = -1;     // worst |actual - reference| / largest |reference|; negative: the case has no reference
  double tolerance = 0;  // of the kernel's class (kernels/core/numeric_class.h)
  bool measured() const { return error >= 0 || std::isnan(error); }
  bool passed() const { return !measured() || error <= tolerance; }  // NaN does not pass
};
// Of two outputs the one nearer to its limit, or beyond it.
inline Accuracy worse(Accuracy a, Accuracy b) {
  if (!a.measured() || !b.measured()) return a.measured() ? a : b;
  if (a.passed() != b.passed()) return a.passed() ? b : a;
  return a.error * b.tolerance > b.error * a.tolerance ? a : b;
}

class Oracle {
 public:
  explicit Oracle(Context& context) : context_(context) {}

  template <class T, int R> std::vector<std::remove_const_t<T>> host(View<T, R> v) const {
    std::vector<std::remove_const_t<T>> values(size_t(v.size()));
    context_.copy_out(values.data(), View<const std::remove_const_t<T>, R>(v));
    return values;
  }
  // NaN, or -1 for integers, so that an element nobody writes is seen.
  template <class T, int R> void poison(View<T, R> v) const {
    const std::vector<uint8_t> bytes(size_t(v.size()) * sizeof(T), 0xff);
    context_.copy_in(v, reinterpret_cast<const T*>(bytes.data()));
  }
  template <class T, int R> void zero(View<T, R> v) const { context_.set_zero(v); }  // what an op adds to
  // reference(i) is the i-th element of `out`, row by row, in fp64. `rounded` is the type that the kernel's result went
  // through, where it is coarser than T; length the terms of each sum.
  template <class T, int R, class F>
  Accuracy compare(View<T, R> out, NumericClass c, F reference, int64_t length = 1,
                   Dtype rounded = DtypeOf<T>::value) const {
    constexpr int64_t kElements = 256;
    const auto actual = host(out);
    const int64_t n = int64_t(actual.size());
    double worst = 0, scale = 0;
    for (int64_t s = 0; s < std::min(n, kElements); ++s) {
      const int64_t i = n <= kElements ? s : int64_t(Draws(7, Purpose::bench, s, n).uniform() * double(n));
      const double expected = reference(i), error = std::abs(wide(actual[size_t(i)]) - expected);
      if (!(error <= worst) && !std::isnan(worst)) worst = error;  // NaN becomes the worst, and stays it
      scale = std::max(scale, std::abs(expected));
    }
    return {worst > 0 && scale > 0 ? worst / scale : worst, tolerance(c, rounded, length)};
  }

 private:
  Context& context_;
};

}  // namespace crc::bench
