#include "kernels/cuda/cuda.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "kernels/cuda/check.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/device_check.h"
#include "kernels/cuda/trace.h"

namespace crc {
namespace {

bool synchronous() {
  static const bool value = [] {
    const char* v = std::getenv("CRC_SYNC");
    return v && *v && std::string(v) != "0";
  }();
  return value;
}

void* allocate_on_device(int index, int64_t bytes) {
  const DeviceScope here(index);
  void* data = nullptr;
  check_cuda(cudaMalloc(&data, size_t(bytes > 0 ? bytes : 1)),
             "cannot allocate " + std::to_string(bytes) + " bytes of GPU memory (use a smaller batch)");
  return data;
}

void release_on_device(void* data) { (void)cudaFree(data); }  // at exit the driver may be gone already: not an error

}  // namespace

DeviceScope::DeviceScope(int index) noexcept : before_(index), index_(index) {
  (void)cudaGetDevice(&before_);
  if (before_ != index_) (void)cudaSetDevice(index_);
}
DeviceScope::DeviceScope(const Cuda& cuda) noexcept : DeviceScope(cuda.device().index) {}
DeviceScope::~DeviceScope() {
  if (before_ != index_) (void)cudaSetDevice(before_);
}

Cuda::Cuda(int index)
    : index_(index),
      arena_({[index](int64_t bytes) { return allocate_on_device(index, bytes); }, release_on_device,
              Device{DeviceKind::cuda, int16_t(index)}}) {
  check_device(index);
  const DeviceScope here(index);
  const std::string name = to_string(device());
  const auto query = [&](cudaDeviceAttr attribute) {
    int value = 0;
    check_cuda(cudaDeviceGetAttribute(&value, attribute, index), "query " + name);
    return value;
  };
  multiprocessors_ = query(cudaDevAttrMultiProcessorCount);
  capability_ = 10 * query(cudaDevAttrComputeCapabilityMajor) + query(cudaDevAttrComputeCapabilityMinor);
  fp32_per_fp64_ = query(cudaDevAttrSingleToDoublePrecisionPerfRatio);
  shared_bytes_ = size_t(query(cudaDevAttrMaxSharedMemoryPerBlockOptin));
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream on " + name);
  check_cuda(cudaEventCreateWithFlags(&given_, cudaEventDisableTiming), "create an event on " + name);
  tickets_.reset(static_cast<unsigned*>(allocate_on_device(index, kTickets * sizeof(unsigned))), release_on_device);
  check_cuda(cudaMemsetAsync(tickets_.get(), 0, kTickets * sizeof(unsigned), stream_), "clear the tickets of " + name);
}

Cuda::Cuda(Cuda& parent) : Cuda(parent.index_) { gate_ = parent.gate_; }

Cuda::~Cuda() {
  const DeviceScope here(index_);
  for (auto& handle : handles_) handle.reset();
  tickets_.reset();
  if (given_) (void)cudaEventDestroy(given_);
  if (stream_) (void)cudaStreamDestroy(stream_);
}

// Under capture this makes the waiting stream part of the graph.
void Cuda::wait_for(Cuda& other) {
  check_cuda(cudaEventRecord(other.given_, other.stream_), "record an event");
  check_cuda(cudaStreamWaitEvent(stream_, other.given_, 0), "wait for an event");
}

void Cuda::synchronize(const std::string& what) {
  cudaError_t status = cudaErrorNotReady;
  if (!watch_) status = cudaStreamSynchronize(stream_);
  while (status == cudaErrorNotReady) {
    status = cudaStreamQuery(stream_);
    if (status != cudaErrorNotReady) break;
    (void)cudaGetLastError();  // that it is not ready is no error of the next launch
    watch_();
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  check_cuda(status, what);
}

int64_t Cuda::resident_blocks(const void* kernel, int threads, size_t shared_bytes) {
  const auto [found, is_new] = resident_.try_emplace({kernel, threads, shared_bytes}, 1);
  if (is_new) {
    int per_multiprocessor = 0;
    check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_multiprocessor, kernel, threads, shared_bytes),
               "ask how many blocks of " + std::to_string(threads) + " threads a multiprocessor holds");
    found->second = std::max<int64_t>(1, int64_t(per_multiprocessor) * multiprocessors_);
  }
  return found->second;
}

// The limit belongs to the kernel in the whole process. It only grows: another thread may be about to launch with more.
void allow_shared_bytes(Cuda& cuda, const char* name, const void* kernel, size_t bytes) {
  if (bytes > cuda.shared_bytes())
    fail(ExitCode::device_unavailable,
         std::string("op ") + name + " needs " + std::to_string(bytes) + " bytes of shared memory per block, " +
             to_string(cuda.device()) + " has " + std::to_string(cuda.shared_bytes()) +
             "; use smaller images or groups, another GPU, or the CPU (run.device = \"cpu\", --device cpu)");
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const std::string what = std::string("op ") + name + ": " + std::to_string(bytes) + " bytes of shared memory";
  cudaFuncAttributes attributes{};
  check_cuda(cudaFuncGetAttributes(&attributes, kernel), what);
  if (size_t(attributes.maxDynamicSharedSizeBytes) < bytes)
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes)), what);
}

std::shared_ptr<Cuda> make_cuda(int index) { return std::make_shared<Cuda>(index); }
std::shared_ptr<Cuda> make_branch(Cuda& cuda) { return std::make_shared<Cuda>(cuda); }
void wait_for(Cuda& to, Cuda& from) { to.wait_for(from); }
Device device_of(Cuda& cuda) { return cuda.device(); }
Gate& gate_of(Cuda& cuda) { return cuda.gate(); }
Arena& scratch_of(Cuda& cuda) { return cuda.scratch(); }

std::string describe(Cuda& cuda) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, cuda.device().index), "query " + to_string(cuda.device()));
  return to_string(cuda.device()) + ", " + properties.name + ", sm_" + std::to_string(properties.major) +
         std::to_string(properties.minor) + ", " + std::to_string(properties.totalGlobalMem >> 20) + " MiB";
}

bool has_bf16(Cuda& cuda) { return cuda.capability() >= 80; }  // Ampere
void open_libraries(Cuda& cuda, bool convolutions) {
  if (convolutions) open_cudnn(cuda);
  open_cublas(cuda);
}

void* allocate(Cuda& cuda, int64_t bytes) { return allocate_on_device(cuda.device().index, bytes); }
void release(Cuda&, void* data) { release_on_device(data); }

// Copies of pageable memory wait by themselves for what comes before them, and not as synchronize() does.
static void wait_before_copying(Cuda& cuda) {
  if (cuda.is_watched()) synchronize(cuda);
}
void copy_in(Cuda& cuda, void* to, const void* host, int64_t bytes) {
  wait_before_copying(cuda);
  check_cuda(cudaMemcpyAsync(to, host, size_t(bytes), cudaMemcpyHostToDevice, cuda.stream()), "copy to the GPU");
  synchronize(cuda);
}
void copy_out(Cuda& cuda, void* host, const void* from, int64_t bytes) {
  wait_before_copying(cuda);
  check_cuda(cudaMemcpyAsync(host, from, size_t(bytes), cudaMemcpyDeviceToHost, cuda.stream()), "copy from the GPU");
  synchronize(cuda);
}
void copy_within(Cuda& cuda, void* to, const void* from, int64_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, size_t(bytes), cudaMemcpyDeviceToDevice, cuda.stream()), "copy on the GPU");
}
void set_zero(Cuda& cuda, void* data, int64_t bytes) {
  check_cuda(cudaMemsetAsync(data, 0, size_t(bytes), cuda.stream()), "clear GPU memory");
}
void synchronize(Cuda& cuda) { cuda.synchronize("synchronise with the GPU"); }

void before_op(Cuda&, const char* name) { trace_push(name); }
void after_op(Cuda& cuda, const char* name) {
  trace_pop();
  if (synchronous()) cuda.synchronize(std::string("op ") + name);
}

std::shared_ptr<void> mark_moment(Cuda& cuda) {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreate(&event), "create an event");
  std::shared_ptr<void> moment(event, [](void* e) { (void)cudaEventDestroy(static_cast<cudaEvent_t>(e)); });
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(cuda.stream(), &capture), "time an op");
  // External: a node of the graph, which tells the time of its replay, and not an order among captured streams.
  const unsigned flags = capture == cudaStreamCaptureStatusNone ? cudaEventRecordDefault : cudaEventRecordExternal;
  check_cuda(cudaEventRecordWithFlags(event, cuda.stream(), flags), "time an op");
  return moment;
}
double seconds_between(Cuda&, void* begin, void* end) {
  float ms = 0;
  check_cuda(cudaEventElapsedTime(&ms, static_cast<cudaEvent_t>(begin), static_cast<cudaEvent_t>(end)), "time an op");
  return 1e-3 * double(ms);
}

std::function<void()> record(Cuda& cuda, std::function<void()> work) {
  if (synchronous()) return work;  // a graph could not say which op failed
  const cudaStream_t stream = cuda.stream();
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin graph capture");
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    (void)cudaStreamEndCapture(stream, &graph);
    if (graph) (void)cudaGraphDestroy(graph);
    throw;
  }
  check_cuda(cudaStreamEndCapture(stream, &graph), "end graph capture");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  (void)cudaGraphDestroy(graph);
  check_cuda(status, "instantiate the captured graph");
  const std::shared_ptr<CUgraphExec_st> owner(executable, [](cudaGraphExec_t g) { (void)cudaGraphExecDestroy(g); });
  return [owner, stream, index = int(cuda.device().index)] {
    const DeviceScope here(index);
    check_cuda(cudaGraphLaunch(owner.get(), stream), "launch the captured graph");
  };
}

}  // namespace crc
