// One 2-D convolution as oneDNN and cuDNN see it: what a primitive or a plan is made for, and the key of their caches.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "kernels/core/dtype.h"
#include "kernels/core/hd.h"
#include "kernels/core/numeric_class.h"

namespace crc {

// What each pass computes from its two inputs. The output is overwritten.
enum class ConvPass : uint8_t {
  forward,           // (x, w) -> y
  backward_data,     // (dy, w) -> dx
  backward_weights,  // (dy, x) -> dw
};

// Cross-correlation, dense arrays: x [N,H,W,C], w [K,R,R,C], y [N,P,Q,K].
struct ConvProblem {
  int64_t n, h, w, c, k, r, stride, pad;
  Dtype dtype = Dtype::f32;  // of all arrays; sums are fp32
  bool tf32 = false;         // CUDA: fp32 arrays may be rounded to tf32 for the tensor cores

  CRC_HD int64_t p() const { return (h + 2 * pad - r) / stride + 1; }
  CRC_HD int64_t q() const { return (w + 2 * pad - r) / stride + 1; }
  int64_t x_size() const { return n * h * w * c; }
  int64_t w_size() const { return k * r * r * c; }
  int64_t y_size() const { return n * p() * q() * k; }
  double flops() const { return 2.0 * double(y_size()) * double(r * r * c); }  // of any pass, borders counted
  // Of the sum that an element of a pass is, borders counted.
  int64_t terms(ConvPass pass) const {
    return pass == ConvPass::forward ? r * r * c : pass == ConvPass::backward_data ? r * r * k : n * p() * q();
  }
  auto operator<=>(const ConvProblem&) const = default;
};

// Of a library's result, relative to its largest magnitude (numeric_class.h). Engines may round or cut fp32 to tf32's 10
// bits: that is a relative 2^-10 of each input.
inline double conv_tolerance(ConvPass pass, const ConvProblem& problem) {
  constexpr double kTf32 = 4 * 0x1p-10;
  const double of_sums = tolerance(NumericClass::library, problem.dtype, problem.terms(pass));
  return problem.tf32 ? std::max(of_sums, kTf32) : of_sums;
}

inline std::string to_string(ConvPass pass) {
  return pass == ConvPass::forward ? "forward" : pass == ConvPass::backward_data ? "backward_data" : "backward_weights";
}
inline std::string to_string(const ConvProblem& p) {
  const auto s = [](int64_t v) { return std::to_string(v); };
  return "x [" + s(p.n) + "," + s(p.h) + "," + s(p.w) + "," + s(p.c) + "] w [" + s(p.k) + "," + s(p.r) + "," + s(p.r) +
         "," + s(p.c) + "] stride " + s(p.stride) + " pad " + s(p.pad) + " " + name_of(p.dtype) +
         (p.tf32 ? " (tf32)" : "");
}

}  // namespace crc
