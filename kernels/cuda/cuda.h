// The CUDA backend's runtime: one stream, scratch memory, library handles made at first use.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "kernels/core/arena.h"
#include "kernels/core/backend.h"
#include "kernels/core/gate.h"

namespace crc {

class CudnnHandle;     // kernels/cuda/cudnn.h
class CublasHandle;    // kernels/cuda/cublas.h
class CusolverHandle;  // kernels/cuda/cusolver.h
class NcclHandle;      // kernels/cuda/nccl.h

class Cuda {
 public:
  explicit Cuda(int index);     // Errors of check_device (kernels/cuda/device_check.h)
  explicit Cuda(Cuda& parent);  // a branch
  ~Cuda();
  Device device() const { return {DeviceKind::cuda, int16_t(index_)}; }
  cudaStream_t stream() const { return stream_; }
  Arena& scratch() { return arena_; }
  Gate& gate() { return *gate_; }
  int multiprocessors() const { return multiprocessors_; }
  int capability() const { return capability_; }  // 90 for sm_90
  // How many times as fast fp32 is as fp64: 2 where GPUs are made for fp64, 32 or 64 on most others.
  int fp32_per_fp64() const { return fp32_per_fp64_; }
  // Shared memory that a block of a kernel may have: 64 KiB to 227 KiB, by architecture.
  size_t shared_bytes() const { return shared_bytes_; }
  // Blocks of a kernel that run at once, on all multiprocessors; what its registers and shared memory allow. At least 1.
  int64_t resident_blocks(const void* kernel, int threads, size_t shared_bytes);
  // Counters in device memory that are zero between the kernels of this stream: for those whose last block finishes
  // what the others began (kernels/cuda/columns.cuh).
  static constexpr int64_t kTickets = 4096;
  unsigned* tickets() const { return tickets_.get(); }
  // Work given from now on comes after what `other` was given so far, on this device.
  void wait_for(Cuda& other);

  // Waits until the device has done what it was given, or `watch` throws, which is then asked again and again.
  // `what`: for its errors.
  void synchronize(const std::string& what);
  void watch(std::function<void()> watch) { watch_ = std::move(watch); }
  bool is_watched() const { return bool(watch_); }

  // Library state of one kind, made at the first call and kept for the life of the backend.
  template <class Handle> Handle& handle(std::shared_ptr<Handle> (*make)(Cuda&)) {
    static_assert(Handle::kSlot < kSlots);
    if (!handles_[Handle::kSlot]) handles_[Handle::kSlot] = make(*this);
    return *static_cast<Handle*>(handles_[Handle::kSlot].get());
  }

 private:
  static constexpr int kSlots = 4;
  int index_;
  int multiprocessors_ = 0, capability_ = 0, fp32_per_fp64_ = 0;
  size_t shared_bytes_ = 0;
  std::map<std::tuple<const void*, int, size_t>, int64_t> resident_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t given_ = nullptr;  // what others wait for
  std::function<void()> watch_;
  std::shared_ptr<unsigned> tickets_;
  Arena arena_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::shared_ptr<void> handles_[kSlots];
};

// Lets `kernel`, of the op `name`, have this much dynamic shared memory per block. Error device_unavailable: more than
// the device has.
void allow_shared_bytes(Cuda& cuda, const char* name, const void* kernel, size_t bytes);

}  // namespace crc
