// Context: the device that ops run on, with its scratch memory. The first argument of every op.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "kernels/core/arena.h"
#include "kernels/core/backend.h"

namespace crc {

class Context {
 public:
  static Context cpu(int threads = 0) { return Context(make_cpu(threads), nullptr); }
  static Context cuda(int index = 0);                 // Error device_unavailable: no such device, or a CPU-only build
  static Context from_name(const std::string& name);  // "cpu", "cuda", "cuda:1" or "auto" (CUDA where it works)

  Device device() const { return device_; }
  Arena& scratch() const { return *scratch_; }
  std::string describe() const;
  void synchronize();
  // See record() in backend.h: the first call of the result may already replay.
  std::function<void()> record(std::function<void()> work);

  // Zero-filled device memory that frees itself; it keeps the backend alive.
  std::shared_ptr<void> allocate(int64_t bytes);

  // Calls f(Cpu&) or f(Cuda&).
  template <class F> decltype(auto) visit(F&& f) {
    if constexpr (kCudaBuild) {
      if (cuda_) return f(*cuda_);
    }
    return f(*cpu_);
  }

  // Array transfers between host memory and this device; complete on return.
  template <class T, int R> void copy_in(View<T, R> to, const T* host) {
    visit([&](auto& b) { crc::copy_in(b, to.data, host, to.size() * int64_t(sizeof(T))); });
  }
  template <class T, int R> void copy_out(std::remove_const_t<T>* host, View<T, R> from) {
    visit([&](auto& b) { crc::copy_out(b, host, from.data, from.size() * int64_t(sizeof(T))); });
  }
  template <class T, int R> void copy(View<T, R> to, std::type_identity_t<View<const T, R>> from) {
    visit([&](auto& b) { crc::copy_within(b, to.data, from.data, from.size() * int64_t(sizeof(T))); });
  }
  template <class T, int R> void set_zero(View<T, R> v) {
    visit([&](auto& b) { crc::set_zero(b, v.data, v.size() * int64_t(sizeof(T))); });
  }

 private:
  Context(std::shared_ptr<Cpu> cpu, std::shared_ptr<Cuda> cuda);
  std::shared_ptr<Cpu> cpu_;
  std::shared_ptr<Cuda> cuda_;
  Device device_;
  Arena* scratch_;
};

}  // namespace crc
