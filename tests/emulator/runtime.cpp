// The fake CUDA runtime: devices, memory, copies, launches.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "tests/emulator/checker.h"
#include "tests/emulator/memory.h"
#include "tests/emulator/report.h"
#include "tests/emulator/scheduler.h"
#include "tests/emulator/stream.h"
#include "tests/emulator/symbols.h"

#define LOCK const std::lock_guard<std::recursive_mutex> lock(emulator::runtime_lock())

using emulator::counters;
using emulator::forbid_in_capture;
using emulator::is_device_memory;
using emulator::set_error;

namespace emulator {
namespace {

std::map<const void*, size_t> max_dynamic_shared;
thread_local int device = 0;
std::map<const char*, size_t> pinned;  // host memory of cudaMallocHost

bool is_pinned(const void* host) {
  const auto next = pinned.upper_bound(static_cast<const char*>(host));
  if (next == pinned.begin()) return false;
  const auto& [begin, bytes] = *std::prev(next);
  return static_cast<const char*>(host) < begin + bytes;
}

}  // namespace

bool lacks(const char* what) {
  const char* variable = std::getenv("EMULATOR_LACKS");
  return variable && std::strcmp(variable, what) == 0;
}

namespace {

cudaError_t refuse(cudaError_t error, const char* call, const char* reason) {
  fprintf(stderr, "emulator: %s: %s\n", call, reason);
  return set_error(error);
}

cudaError_t check_copy(const void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind != cudaMemcpyDefault && (in_arena(to) != to_device || in_arena(from) != from_device))
    return refuse(cudaErrorInvalidValue, "cudaMemcpy", "the direction does not match the pointers");
  if ((in_arena(to) && !is_device_memory(to, bytes)) || (in_arena(from) && !is_device_memory(from, bytes)))
    return refuse(cudaErrorInvalidValue, "cudaMemcpy", "runs past an allocation of device memory");
  return cudaSuccess;
}

void copy_now(void* to, const void* from, size_t bytes) {
  memmove(to, from, bytes);
  if (checker && in_arena(to)) in_arena(from) ? checker->copied(to, from, bytes) : checker->written(to, bytes);
}

std::string shape(dim3 d) {
  return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")";
}

}  // namespace

int current_device() { return device; }
int device_of(const void* data) {
  LOCK;
  return is_device_memory(data, 1) ? find_allocation(data)->device : -1;
}

size_t shared_limit() {
  const char* variable = std::getenv("EMULATOR_SHARED_KB");
  return variable ? std::min(kMaxSharedBytes, size_t(std::atoi(variable)) << 10) : kMaxSharedBytes;
}

void check_pointer_argument(const void* kernel, const volatile void* pointer) {
  LOCK;
  const auto* p = const_cast<const char*>(static_cast<const volatile char*>(pointer));
  // A pointer to the end of an array is as good as one to its begin.
  if (!p || is_device_memory(p, 0) || is_device_memory(p - 1, 1)) return;
  fail({}, "kernel %s gets the pointer %p, which is not device memory", function_at(kernel).c_str(), p);
}

cudaError_t submit(Launch launch, cudaStream_t stream) {
  LOCK;
  const dim3 b = launch.blocks, t = launch.threads;
  const auto allowed = max_dynamic_shared.find(launch.kernel);
  const size_t max_shared = allowed == max_dynamic_shared.end() ? kDefaultSharedBytes : allowed->second;
  const uint64_t threads = uint64_t(t.x) * t.y * t.z, blocks = uint64_t(b.x) * b.y * b.z;
  if (threads == 0 || threads > kMaxThreads || t.z > 64 || blocks == 0 || b.x > 0x7fffffffu || b.y > 65535 ||
      b.z > 65535 || launch.shared_bytes > max_shared) {
    const std::string reason = "invalid launch: blocks " + shape(b) + ", threads " + shape(t) + ", " +
                               std::to_string(launch.shared_bytes) + " bytes of dynamic shared memory (at most " +
                               std::to_string(max_shared) + ")";
    const bool too_much_shared = launch.shared_bytes > max_shared;
    return refuse(too_much_shared ? cudaErrorInvalidValue : cudaErrorInvalidConfiguration,
                  function_at(launch.kernel).c_str(), reason.c_str());
  }
  if (is_stream(stream) && stream && stream->device != device)
    return refuse(cudaErrorInvalidResourceHandle, function_at(launch.kernel).c_str(),
                  "launched into a stream of another device than the thread's");
  ++counters().launches;
  if (const cudaError_t error = push(stream, [launch = std::move(launch)] { run(launch); })) return error;
  // Who asks for the last error after a launch also gets what a query left behind.
  return cudaPeekAtLastError() == cudaErrorNotReady ? cudaGetLastError() : cudaSuccess;
}

}  // namespace emulator

using emulator::in_arena;

// ---- errors

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define NAME(e) \
  case e:       \
    return #e;
    NAME(cudaSuccess)
    NAME(cudaErrorInvalidValue)
    NAME(cudaErrorMemoryAllocation)
    NAME(cudaErrorInvalidConfiguration)
    NAME(cudaErrorInvalidMemcpyDirection)
    NAME(cudaErrorInsufficientDriver)
    NAME(cudaErrorNoDevice)
    NAME(cudaErrorNoKernelImageForDevice)
    NAME(cudaErrorInvalidDevice)
    NAME(cudaErrorInvalidResourceHandle)
    NAME(cudaErrorNotReady)
    NAME(cudaErrorNotSupported)
    NAME(cudaErrorStreamCaptureUnsupported)
    NAME(cudaErrorStreamCaptureInvalidated)
    NAME(cudaErrorStreamCaptureUnmatched)
    NAME(cudaErrorStreamCaptureUnjoined)
    NAME(cudaErrorStreamCaptureIsolation)
    NAME(cudaErrorCapturedEvent)
#undef NAME
  }
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorNoKernelImageForDevice:
      return "no kernel image is available for execution on the device";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    default:
      return "an error of the emulated runtime";
  }
}

// ---- devices

// EMULATOR_DEVICES=0 emulates a machine without a GPU, 2 one with two; EMULATOR_LACKS=driver one whose driver is too
// old, =code a GPU that no kernel was built for, =bf16 an sm_75.
cudaError_t cudaGetDeviceCount(int* count) {
  const char* variable = std::getenv("EMULATOR_DEVICES");
  *count = variable ? std::atoi(variable) : 1;
  if (emulator::lacks("driver")) return set_error(cudaErrorInsufficientDriver);
  return *count > 0 ? cudaSuccess : set_error(cudaErrorNoDevice);
}
cudaError_t cudaGetDevice(int* index) {
  *index = emulator::device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int index) {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count)) return error;
  if (index < 0 || index >= count) return set_error(cudaErrorInvalidDevice);
  emulator::device = index;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = emulator::kMaxThreads;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = int(emulator::kDefaultSharedBytes);
      break;
    case cudaDevAttrWarpSize:
      *value = warpSize;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = emulator::kMultiprocessors;
      break;
    case cudaDevAttrL2CacheSize:
      *value = 50 << 20;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = emulator::lacks("bf16") ? 7 : 9;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = emulator::lacks("bf16") ? 5 : 0;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = int(emulator::shared_limit() + emulator::kReservedSharedBytes);
      break;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
      *value = emulator::lacks("fp64") ? 64 : 2;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = int(emulator::shared_limit());
      break;
  }
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  *properties = {.name = "Emulated GPU",
                 .uuid = {{'e', 'm', 'u', 'l', 'a', 't', 'e', 'd', ' ', 'G', 'P', 'U', ' ', ' ', ' ', char(index)}},
                 .totalGlobalMem = emulator::kDeviceBytes,
                 .sharedMemPerBlock = emulator::kDefaultSharedBytes,
                 .sharedMemPerBlockOptin = emulator::shared_limit(),
                 .major = 9,
                 .minor = 0,
                 .multiProcessorCount = emulator::kMultiprocessors,
                 .warpSize = warpSize,
                 .maxThreadsPerBlock = emulator::kMaxThreads,
                 .l2CacheSize = 50 << 20};
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = emulator::lacks("driver") ? 12040 : 13000;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  LOCK;
  *total_bytes = emulator::kDeviceBytes;
  *free_bytes = emulator::kDeviceBytes - emulator::allocated_bytes();
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  LOCK;
  if (emulator::lacks("code")) return set_error(cudaErrorNoKernelImageForDevice);
  const auto known = emulator::max_dynamic_shared.find(kernel);
  *attributes = {known == emulator::max_dynamic_shared.end() ? 48 << 10 : int(known->second)};
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  LOCK;
  if (value < 0 || size_t(value) > emulator::shared_limit()) return set_error(cudaErrorInvalidValue);
  emulator::max_dynamic_shared[kernel] = size_t(value);
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads, size_t shared_bytes) {
  // Registers are the compiler's secret: as if every kernel had 64, so that 1024 threads fill a multiprocessor.
  constexpr int kThreadsByRegisters = 65536 / 64, kMostBlocks = 32;
  if (threads <= 0 || threads > emulator::kMaxThreads || shared_bytes > emulator::shared_limit())
    return set_error(cudaErrorInvalidValue);
  const int by_shared = int((emulator::shared_limit() + emulator::kReservedSharedBytes) /
                            (shared_bytes + emulator::kReservedSharedBytes));
  *blocks = std::min({kThreadsByRegisters / threads, by_shared, kMostBlocks});
  return cudaSuccess;
}

// ---- memory

cudaError_t cudaMalloc(void** data, size_t bytes) {
  LOCK;
  ++counters().allocations;
  *data = nullptr;
  if (const cudaError_t error = forbid_in_capture()) return error;
  if (bytes == 0) return cudaSuccess;
  *data = emulator::allocate_device(bytes, emulator::current_device());
  return *data ? cudaSuccess : set_error(cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* data) {
  LOCK;
  if (const cudaError_t error = forbid_in_capture()) return error;
  if (!data) return cudaSuccess;
  emulator::run_all_streams();  // cudaFree waits for the device
  return emulator::release_device(data) ? cudaSuccess : set_error(cudaErrorInvalidValue);
}
cudaError_t cudaMallocHost(void** data, size_t bytes) { return cudaHostAlloc(data, bytes, cudaHostAllocDefault); }
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  LOCK;
  if (const cudaError_t error = forbid_in_capture()) return error;
  *data = std::malloc(bytes ? bytes : 1);
  if (!*data) return set_error(cudaErrorMemoryAllocation);
  emulator::pinned[static_cast<char*>(*data)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* data) {
  LOCK;
  if (const cudaError_t error = forbid_in_capture()) return error;
  emulator::run_all_streams();
  if (data && emulator::pinned.erase(static_cast<char*>(data)) == 0) return set_error(cudaErrorInvalidValue);
  std::free(data);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  LOCK;
  ++counters().synchronizations;
  if (const cudaError_t error = forbid_in_capture()) return error;
  return cudaMemcpyAsync(to, from, bytes, kind, nullptr);  // work in the legacy stream runs at once
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  LOCK;
  ++counters().copies;
  if (bytes == 0) return cudaSuccess;
  if (const cudaError_t error = emulator::check_copy(to, from, bytes, kind)) return error;
  const bool capturing = emulator::is_stream(stream) && emulator::stream_of(stream).capture;
  const bool pageable = (!in_arena(to) && !emulator::is_pinned(to)) || (!in_arena(from) && !emulator::is_pinned(from));
  const cudaError_t error = emulator::push(stream, [=] { emulator::copy_now(to, from, bytes); });
  if (pageable && !capturing && error == cudaSuccess) {  // the driver stages it, and may let the host wait
    if (stream) ++counters().synchronizations;
    emulator::stream_of(stream).run_all();
  }
  return error;
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  LOCK;
  if (const cudaError_t error = forbid_in_capture()) return error;
  return cudaMemsetAsync(to, value, bytes, nullptr);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  LOCK;
  ++counters().copies;
  if (bytes == 0) return cudaSuccess;
  if (!is_device_memory(to, bytes))
    return emulator::refuse(cudaErrorInvalidValue, "cudaMemset", "not within one allocation of device memory");
  return emulator::push(stream, [=] {
    memset(to, value, bytes);
    if (emulator::checker) emulator::checker->written(to, bytes);
  });
}
