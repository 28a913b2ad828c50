// The emulated GPU as tests and the fake math libraries see it.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace emulator {

inline constexpr int kMultiprocessors = 3;  // few and odd, so that grids wrap around
inline constexpr size_t kDeviceBytes = size_t(4) << 30;
inline constexpr size_t kDefaultSharedBytes = 48 << 10;
inline constexpr size_t kReservedSharedBytes = 1 << 10;  // of every block, for the system
inline constexpr size_t kMaxSharedBytes = 227 << 10;     // of any GPU; EMULATOR_SHARED_KB says what this one has
inline constexpr int kMaxThreads = 1024;

// Dynamic shared memory that a kernel can be allowed: EMULATOR_SHARED_KB=64 (sm_75), 99 (sm_86, sm_89, sm_120), 163
// (sm_80) or 227 (sm_90 and later), the default.
size_t shared_limit();

// What the program asked of the runtime so far. Work that a graph replays counts as one graph launch.
struct Counters {
  int64_t launches = 0;          // kernels, and work of the math libraries
  int64_t copies = 0;            // cudaMemcpy and cudaMemset, any kind
  int64_t allocations = 0;       // cudaMalloc
  int64_t synchronizations = 0;  // calls that make the host wait, copies of pageable memory among them
  int64_t graph_launches = 0;
};
Counters& counters();

// Whose memory this is; -1: none's.
int device_of(const void* data);
// Whether EMULATOR_LACKS names it: driver, code, bf16, cudnn, cublas. For tests of what a machine may lack.
bool lacks(const char* what);

// Host code that stands for work of the GPU (a math library's): runs in the stream's order, or in the graph's.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
// For such work: fails unless the whole range is device memory (under the checker: initialised).
void device_read(const void* data, size_t bytes);
// The same before a write; under the checker the range then counts as initialised.
void device_write(void* data, size_t bytes);

// "checker", "asan" or "plain": the build of the kernels.
const char* flavour();

}  // namespace emulator
