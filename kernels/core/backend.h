// What every backend provides besides ops: memory, order and capture. Two concrete classes, no virtual base: Cpu is
// defined in kernels/cpu/cpu.h, Cuda in kernels/cuda/cuda.h; a function missing for one of them is a link error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/core/view.h"

namespace crc {

class Arena;
class Cpu;
class Cuda;
class Gate;   // kernels/core/gate.h
class Ranks;  // kernels/core/ranks.h

// The only place that knows whether this build contains the CUDA backend.
#if CRC_CUDA
inline constexpr bool kCudaBuild = true;
#else
inline constexpr bool kCudaBuild = false;
#endif

std::shared_ptr<Cpu> make_cpu(int threads);  // threads 0: what OMP_NUM_THREADS or the machine says
int cuda_devices();                          // GPUs that this process sees; 0 without a driver for this build
std::vector<std::string> cuda_names();       // of those, each one's own in the world (UUID)
std::shared_ptr<Cuda> make_cuda(int index);  // Error device_unavailable: there is none, or it cannot run this build

// While it lives, what this thread asks of CUDA goes to the backend's device; then to the one of before, which may be
// the choice of a host program (PyTorch) whose thread this is.
class DeviceScope {
 public:
  explicit DeviceScope(int index) noexcept;
  explicit DeviceScope(const Cuda& cuda) noexcept;
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int before_, index_;
};

#define CRC_BACKEND(Result, name, ...) \
  Result name(Cpu&, ##__VA_ARGS__);    \
  Result name(Cuda&, ##__VA_ARGS__);

CRC_BACKEND(Device, device_of)
CRC_BACKEND(Arena&, scratch_of)
CRC_BACKEND(Gate&, gate_of)         // of the device's ways to compute, shared by branches
CRC_BACKEND(std::string, describe)  // one line for logs and `doctor`
CRC_BACKEND(bool, has_bf16)         // GPUs from sm_80 on; CPUs with AVX512-BF16
// Those of matrix products and, if asked for, of convolutions: now, not at first use. Error device_unavailable
CRC_BACKEND(void, open_libraries, bool convolutions)
CRC_BACKEND(void*, allocate, int64_t bytes)  // 256-byte aligned; Error out_of_memory
CRC_BACKEND(void, release, void* data)
CRC_BACKEND(void, copy_in, void* to, const void* host, int64_t bytes)      // complete on return
CRC_BACKEND(void, copy_out, void* host, const void* from, int64_t bytes)   // complete on return
CRC_BACKEND(void, copy_within, void* to, const void* from, int64_t bytes)  // ordered with the ops
CRC_BACKEND(void, set_zero, void* data, int64_t bytes)                     // ordered with the ops
CRC_BACKEND(void, synchronize)
// What lets ops exchange this device's arrays between processes (kernels/ops/across_ranks.h): the CPU needs nothing.
// Error device_unavailable: NCCL is missing.
CRC_BACKEND(void, open_exchange)
// All processes call it, each on a GPU of its own; from then on a failure of one of them ends synchronize() of all.
CRC_BACKEND(void, join_ranks, Ranks& ranks)
// Gives up what the device still waits for from other processes: before its memory goes, where work ended early.
CRC_BACKEND(void, leave_ranks)
CRC_BACKEND(void, before_op, const char* name)  // opens the profiler range
CRC_BACKEND(void, after_op, const char* name)   // closes it; under CRC_SYNC=1 synchronises
// The moment when the device has done what it was given so far; under capture, in every replay anew. Kept alive by what
// is returned, which must outlive the graph.
CRC_BACKEND(std::shared_ptr<void>, mark_moment)
CRC_BACKEND(double, seconds_between, void* begin, void* end)  // moments that were reached
// Makes `work` repeatable: CUDA captures it as a graph and the result replays that; on the CPU, and under CRC_SYNC=1,
// the result calls `work`.
CRC_BACKEND(std::function<void()>, record, std::function<void()> work)
#undef CRC_BACKEND

// The same device, with scratch memory and an order of work of its own (CUDA: a stream), for Context::branch().
std::shared_ptr<Cpu> make_branch(Cpu&);
std::shared_ptr<Cuda> make_branch(Cuda&);
// What `to` is given from now on comes after what `from` was given so far. The CPU does all work when it is given.
void wait_for(Cpu& to, Cpu& from);
void wait_for(Cuda& to, Cuda& from);

}  // namespace crc
