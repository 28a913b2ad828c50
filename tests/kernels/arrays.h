// Random arrays for tests, and copies between host and device.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/core/random.h"
#include "kernels/core/step_state.h"
#include "kernels/core/tensor.h"

namespace crc::test {

// Uniform in [low, high), a function of (seed, index).
inline std::vector<float> uniform(int64_t n, uint32_t seed, float low = -1, float high = 1) {
  std::vector<float> v(n);
  for (int64_t i = 0; i < n; ++i) v[i] = Draws(seed, Purpose::test, i, 0).uniform(low, high);
  return v;
}

template <class T> std::vector<T> cast(const std::vector<float>& v) {
  std::vector<T> out;
  out.reserve(v.size());
  for (float x : v) out.push_back(T(x));
  return out;
}

// An array on the device with sentinels around it: check() fails if an op wrote outside.
template <class T, int R> class Guarded {
 public:
  Guarded(Context& context, const int64_t (&shape)[R], const std::vector<T>& values, const char* name = "array")
      : context_(context), n_(int64_t(values.size())) {
    std::vector<T> padded(kGuard, T(kSentinel));
    padded.insert(padded.end(), values.begin(), values.end());
    padded.insert(padded.end(), kGuard, T(kSentinel));
    tensor_ = Tensor::from_host(context, {int64_t(padded.size())}, padded.data(), name);
    view_ = {tensor_.view<T, 1>().data + kGuard, {}, context.device(), name};
    for (int d = 0; d < R; ++d) view_.shape[d] = shape[d];
    EXPECT_EQ(view_.size(), n_) << name;
  }
  View<T, R> view() const { return view_; }
  operator View<T, R>() const { return view_; }
  operator View<const T, R>() const { return view_; }
  std::vector<T> get() const {
    const std::vector<T> all = tensor_.template to_host<T>(context_);
    for (int64_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(float(all[i]), float(T(kSentinel))) << view_.name << ": written before its begin";
      EXPECT_EQ(float(all[kGuard + n_ + i]), float(T(kSentinel))) << view_.name << ": written past its end";
    }
    return {all.begin() + kGuard, all.begin() + kGuard + n_};
  }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr int kSentinel = 77;
  Context& context_;
  int64_t n_;
  Tensor tensor_;
  View<T, R> view_;
};

// Whether each of `rounded` is what bf16 makes of a value.
inline void expect_rounded(const std::vector<bf16>& rounded, const std::vector<float>& values) {
  ASSERT_EQ(rounded.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(rounded[i].bits, bf16(values[i]).bits) << values[i] << " at " << i;
}

inline StepState at_step(int64_t step) { return {step, 0, 0, 0}; }

// A StepState in device memory.
class StateOnDevice {
 public:
  StateOnDevice(Context& context, StepState state)
      : tensor_(
            Tensor::from_host(context, {int64_t(sizeof state)}, reinterpret_cast<const uint8_t*>(&state), "state")) {}
  View<StepState, 1> view() const { return tensor_.as<StepState>(); }

 private:
  Tensor tensor_;
};

}  // namespace crc::test
