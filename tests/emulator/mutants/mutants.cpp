// Each kernel is a template over the bug it has: Bug::none is right, any other value breaks one line.
#include "tests/emulator/mutants/mutants.h"

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "tests/emulator/emulator.h"

namespace emulator::mutants {
namespace {

enum class Bug {
  none,
  no_first_barrier,
  no_second_barrier,
  no_bound,
  shared_overrun,
  half_the_lanes,
  wrong_mask,
  absent_lane,
  too_little_dynamic_shared,
  uninitialised_scratch,
  uninitialised_shared,
  early_return,
  plain_add_in_shared,
  plain_add_in_global,
  no_release_fence,
  no_acquire_fence,
  every_block_finishes,
  one_fence_for_all,
  plain_ticket,
  misaligned,
  rounded_up,
  freed_memory,
  host_pointer,
  host_pointer_in_struct,
  no_syncwarp,
  half_syncwarp,
  divergent_barrier,
  barrier_in_divergent_loop,
  masks_disagree,
  same_byte,
  read_neighbour,
  host_reads_device,
  too_much_shared,
  too_many_threads,
  copy_past_end,
  copy_direction,
  no_synchronisation,
  allocates_in_capture,
  fork_too_early,
  one_output_for_two,
  writes_constant,
};

// ---- a device array, a stream, and results

template <class T> class Array {
 public:
  explicit Array(int n) : n_(n) { (void)cudaMalloc(&data_, size_t(n) * sizeof(T)); }
  Array(int n, T value) : Array(n) { set(std::vector<T>(size_t(n), value)); }
  explicit Array(const std::vector<T>& values) : Array(int(values.size())) { set(values); }
  ~Array() { (void)cudaFree(data_); }
  Array(const Array&) = delete;
  T* data() const { return data_; }
  std::vector<T> get() const {
    std::vector<T> host(static_cast<size_t>(n_));
    (void)cudaDeviceSynchronize();
    (void)cudaMemcpy(host.data(), data_, host.size() * sizeof(T), cudaMemcpyDeviceToHost);
    return host;
  }
  void release() { (void)cudaFree(data_), data_ = nullptr; }

 private:
  void set(const std::vector<T>& values) {
    (void)cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
  }
  int n_;
  T* data_ = nullptr;
};

template <class T> std::vector<T> counting(int n) {
  std::vector<T> v(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) v[size_t(i)] = T(i % 101);
  return v;
}
std::string expect(bool right) { return right ? "" : "WRONG RESULT"; }
std::string expect(cudaError_t error) { return error == cudaSuccess ? "" : cudaGetErrorName(error); }
template <class... P, class... A>
std::string start(void (*kernel)(P...), dim3 blocks, dim3 threads, size_t shared, A... arguments) {
  return expect(emulator::launch(kernel, blocks, threads, shared, nullptr, arguments...));
}

// ---- block reduction: warp shuffles, then the first warp over shared memory

constexpr int kSumThreads = 128, kSumN = 300;

template <Bug bug> float warp_sum(float v) {
  for (int offset = 16; offset > 0; offset /= 2) {
    if (bug == Bug::half_the_lanes && threadIdx.x % 32 >= 16) continue;
    const unsigned mask = bug == Bug::wrong_mask ? 0x0000ffffu : 0xffffffffu;
    v += __shfl_xor_sync(mask, v, offset);
  }
  return v;
}

template <Bug bug> __global__ void sum_kernel(const float* x, int n, float* out) {
  constexpr int kWarps = kSumThreads / 32;
  __shared__ float partial[kWarps];
  __shared__ float total;
  float v = 0;
  for (int i = threadIdx.x; bug == Bug::no_bound ? i <= n : i < n; i += blockDim.x) v += x[i];
  v = warp_sum<bug>(v);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  if (lane == 0 && !(bug == Bug::uninitialised_shared && warp == 2)) partial[warp] = v;
  if (bug != Bug::no_first_barrier) __syncthreads();
  if (warp == 0) {
    const bool mine = bug == Bug::shared_overrun ? lane <= kWarps : lane < kWarps;
    v = warp_sum<Bug::none>(mine ? partial[lane] : 0.0f);
    if (lane == 0) total = v;
  }
  if (bug != Bug::no_second_barrier) __syncthreads();
  out[threadIdx.x] = total;
}

template <Bug bug> std::string run_sum() {
  const auto values = counting<float>(kSumN);
  const Array<float> x(values), out(kSumThreads);
  const std::string wrong = start(sum_kernel<bug>, 1, kSumThreads, 0, x.data(), kSumN, out.data());
  float expected = 0;
  for (float v : values) expected += v;
  bool right = true;
  for (float v : out.get()) right = right && v == expected;
  return wrong + expect(right);
}

// A block smaller than a warp: the lanes that do not exist have no value to give.
template <Bug bug> __global__ void small_warp_kernel(int* out) {
  const int source = bug == Bug::absent_lane ? 20 : 15;
  out[threadIdx.x] = __shfl_sync(0xffffffffu, int(threadIdx.x), source);
}
template <Bug bug> std::string run_small_warp() {
  const Array<int> out(16);
  const std::string wrong = start(small_warp_kernel<bug>, 1, 16, 0, out.data());
  return wrong + expect(out.get()[3] == 15);
}

// ---- transpose through a tile in dynamic shared memory

constexpr int kTile = 8, kRows = 13, kColumns = 21;

template <Bug bug> __global__ void transpose_kernel(const float* in, float* out, int rows, int columns) {
  CRC_DYNAMIC_SHARED(float, tile);  // [kTile][kTile + 1]
  int c = blockIdx.x * kTile + threadIdx.x, r = blockIdx.y * kTile + threadIdx.y;
  if (r < rows && (c < columns || bug == Bug::no_bound))
    tile[threadIdx.y * (kTile + 1) + threadIdx.x] = in[r * columns + c];
  if (bug != Bug::no_first_barrier) __syncthreads();
  c = blockIdx.y * kTile + threadIdx.x, r = blockIdx.x * kTile + threadIdx.y;
  if (r < columns && c < rows) out[r * rows + c] = tile[threadIdx.x * (kTile + 1) + threadIdx.y];
}

template <Bug bug> std::string run_transpose() {
  const auto values = counting<float>(kRows * kColumns);
  const Array<float> in(values), out(kRows * kColumns);
  const dim3 blocks((kColumns + kTile - 1) / kTile, (kRows + kTile - 1) / kTile), threads(kTile, kTile);
  const int pitch = bug == Bug::too_little_dynamic_shared ? kTile : kTile + 1;
  const std::string wrong = start(transpose_kernel<bug>, blocks, threads, kTile * pitch * sizeof(float), in.data(),
                                  out.data(), kRows, kColumns);
  const auto result = out.get();
  bool right = true;
  for (int r = 0; r < kRows; ++r)
    for (int c = 0; c < kColumns; ++c)
      right = right && result[size_t(c * kRows + r)] == values[size_t(r * kColumns + c)];
  return wrong + expect(right);
}

// ---- per-channel sums as batch norm takes them: a tree over the rows of the block, one partial sum per split

constexpr int kChannels = 37, kStatRows = 23, kSplits = 3, kGroups = 4;

template <Bug bug> __global__ void channel_sum_kernel(const float* x, float* partial, int rows, int channels) {
  __shared__ float sums[kGroups][32];
  const int c = blockIdx.x * 32 + threadIdx.x;
  if (bug == Bug::early_return && c >= channels) return;
  float sum = 0;
  if (c < channels || bug == Bug::no_bound)
    for (int r = blockIdx.y * kGroups + threadIdx.y; r < rows; r += gridDim.y * kGroups) sum += x[r * channels + c];
  sums[threadIdx.y][threadIdx.x] = sum;
  for (int half = kGroups / 2; half > 0; half /= 2) {
    if (bug != Bug::no_first_barrier) __syncthreads();
    if (int(threadIdx.y) < half) sums[threadIdx.y][threadIdx.x] += sums[threadIdx.y + half][threadIdx.x];
    if (bug == Bug::barrier_in_divergent_loop && threadIdx.y == 0) __syncthreads();
  }
  const bool skip = bug == Bug::uninitialised_scratch && blockIdx.y == 2;
  if (threadIdx.y == 0 && c < channels && !skip) partial[blockIdx.y * channels + c] = sums[0][threadIdx.x];
}
__global__ void merge_kernel(const float* partial, float* out, int channels) {
  const int c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  float sum = 0;
  for (int s = 0; s < kSplits; ++s) sum += partial[s * channels + c];
  out[c] = sum;
}

template <Bug bug> std::string run_channel_sum() {
  const auto values = counting<float>(kStatRows * kChannels);
  const Array<float> x(values), partial(kSplits * kChannels), out(kChannels);
  std::string wrong = start(channel_sum_kernel<bug>, dim3(2, kSplits), dim3(32, kGroups), 0, x.data(), partial.data(),
                            kStatRows, kChannels);
  wrong += start(merge_kernel, 2, 32, 0, partial.data(), out.data(), kChannels);
  const auto result = out.get();
  bool right = true;
  for (int c = 0; c < kChannels; ++c) {
    float sum = 0;
    for (int r = 0; r < kStatRows; ++r) sum += values[size_t(r * kChannels + c)];
    right = right && result[size_t(c)] == sum;
  }
  return wrong + expect(right);
}

// ---- histogram: bins in shared memory, added to the global ones

constexpr int kBins = 10, kItems = 1000;

template <Bug bug> __global__ void histogram_kernel(const int* x, int n, int* bins) {
  __shared__ int local[kBins];
  if (int(threadIdx.x) < kBins && bug != Bug::uninitialised_shared) local[threadIdx.x] = 0;
  if (bug != Bug::no_first_barrier) __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    if (bug == Bug::plain_add_in_shared)
      local[x[i] % kBins] += 1;
    else
      atomicAdd(&local[x[i] % kBins], 1);
  }
  if (bug != Bug::no_second_barrier) __syncthreads();
  if (int(threadIdx.x) >= kBins) return;
  if (bug == Bug::plain_add_in_global)
    bins[threadIdx.x] += local[threadIdx.x];
  else
    atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

template <Bug bug> std::string run_histogram() {
  const auto values = counting<int>(kItems);
  const Array<int> x(values), bins(kBins, 0);
  const std::string wrong = start(histogram_kernel<bug>, 3, 64, 0, x.data(), kItems, bins.data());
  std::vector<int> expected(kBins, 0);
  for (int v : values) ++expected[size_t(v % kBins)];
  return wrong + expect(bins.get() == expected);
}

// ---- the last block to finish adds up the others' results

template <Bug bug> __global__ void last_block_kernel(const int* x, int n, int* partial, unsigned* ticket, int* out) {
  __shared__ bool last;
  int sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += x[i];
  partial[blockIdx.x * blockDim.x + threadIdx.x] = sum;
  if (bug != Bug::one_fence_for_all) __syncthreads();  // the fence below covers what the barrier made visible
  if (threadIdx.x == 0) {
    if (bug != Bug::no_release_fence) __threadfence();
    const unsigned place = bug == Bug::plain_ticket ? (*ticket)++ : atomicInc(ticket, gridDim.x - 1);
    last = place == gridDim.x - 1 || bug == Bug::every_block_finishes;
    if (bug != Bug::no_acquire_fence) __threadfence();
  }
  if (bug != Bug::no_second_barrier) __syncthreads();
  if (!last || threadIdx.x != 0) return;
  int total = 0;
  for (unsigned i = 0; i < gridDim.x * blockDim.x; ++i) total += partial[i];
  *out = total;
}

template <Bug bug> std::string run_last_block() {
  const auto values = counting<int>(kItems);
  const Array<int> x(values), partial(4 * 64), out(1);
  const Array<unsigned> ticket(1, 0u);
  const std::string wrong =
      start(last_block_kernel<bug>, 4, 64, 0, x.data(), kItems, partial.data(), ticket.data(), out.data());
  int expected = 0;
  for (int v : values) expected += v;
  return wrong + expect(out.get()[0] == expected);
}

// ---- vectorised copy

constexpr int kCopy = 1003;

template <Bug bug> __global__ void copy_kernel(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const int vectors = bug == Bug::rounded_up ? (n + 3) / 4 : n / 4;
  if (i < vectors) reinterpret_cast<float4*>(out)[i] = reinterpret_cast<const float4*>(in)[i];
  if (i >= vectors * 4 && i < n) out[i] = in[i];
}

template <Bug bug> std::string run_copy() {
  const auto values = counting<float>(kCopy);
  Array<float> in(values), out(kCopy, 0.0f);
  const float* from = in.data();
  if (bug == Bug::freed_memory) in.release();
  if (bug == Bug::host_pointer) from = values.data();
  if (bug == Bug::misaligned) ++from;
  if (bug == Bug::host_reads_device) return expect(in.data()[0] == 0);
  const std::string wrong = start(copy_kernel<bug>, 4, 256, 0, out.data(), from, kCopy);
  return wrong + expect(out.get() == values);
}

struct Copy {
  float* out;
  const float* in;
  void operator()(int i) const { out[i] = in[i]; }
};
template <class F> __global__ void for_each_kernel(int n, F f) {
  if (int(threadIdx.x) < n) f(threadIdx.x);
}
template <Bug bug> std::string run_functor() {
  const auto values = counting<float>(50);
  const Array<float> in(values), out(50, 0.0f);
  const Copy copy{out.data(), bug == Bug::host_pointer_in_struct ? values.data() : in.data()};
  const std::string wrong = start(for_each_kernel<Copy>, 1, 64, 0, 50, copy);
  return wrong + expect(out.get() == values);
}

// ---- exchange within a warp through shared memory, votes

template <Bug bug> __global__ void reverse_kernel(const int* in, int* out) {
  __shared__ int s[64];
  const int t = threadIdx.x, lane = t % 32;
  s[t] = in[t];
  if (bug == Bug::half_syncwarp)
    __syncwarp(lane < 16 ? 0x0000ffffu : 0xffff0000u);
  else if (bug != Bug::no_syncwarp)
    __syncwarp();
  const int reversed = s[t / 32 * 32 + 31 - lane];
  const unsigned mask = bug == Bug::masks_disagree && lane == 7 ? 0x0000ffffu : 0xffffffffu;
  const unsigned odd = __ballot_sync(mask, reversed % 2);
  if (bug == Bug::divergent_barrier && t < 32)
    __syncthreads();
  else
    __syncthreads();
  out[t] = reversed + (odd == 0x55555555u ? 1000 : 0);
}
template <Bug bug> std::string run_reverse() {
  const auto values = counting<int>(64);
  const Array<int> in(values), out(64);
  const std::string wrong = start(reverse_kernel<bug>, 1, 64, 0, in.data(), out.data());
  const auto result = out.get();
  bool right = true;
  for (int t = 0; t < 64; ++t) right = right && result[size_t(t)] == t / 32 * 32 + 31 - t % 32 + 1000;
  return wrong + expect(right);
}

// ---- bytes and constants

static int scale = 2;
__constant__ int table[4] = {1, 2, 3, 4};

template <Bug bug> __global__ void bytes_kernel(uint8_t* x) {
  const int t = threadIdx.x;
  if (bug == Bug::writes_constant) scale = 3;
  x[bug == Bug::same_byte ? t / 2 : t] = uint8_t(table[t % 4] * scale);
  if (bug == Bug::read_neighbour && t > 0 && x[t - 1] == 77) x[t] = 0;
}
template <Bug bug> std::string run_bytes() {
  const Array<uint8_t> x(64, uint8_t(0));
  const std::string wrong = start(bytes_kernel<bug>, 1, 64, 0, x.data());
  const auto result = x.get();
  return wrong + expect(result[5] == 4 && result[63] == 8);
}

// ---- mistakes of host code

template <Bug bug> std::string run_host() {
  const auto values = counting<float>(kCopy);
  const Array<float> in(values), out(kCopy, 0.0f);
  if (bug == Bug::too_much_shared) return start(copy_kernel<bug>, 4, 256, 64 << 10, out.data(), in.data(), kCopy);
  if (bug == Bug::too_many_threads) return start(copy_kernel<bug>, 1, 1025, 0, out.data(), in.data(), kCopy);
  if (bug == Bug::copy_past_end)
    return expect(cudaMemcpy(out.data(), in.data() + 1, kCopy * sizeof(float), cudaMemcpyDeviceToDevice));
  if (bug == Bug::copy_direction)
    return expect(cudaMemcpy(out.data(), values.data(), kCopy * sizeof(float), cudaMemcpyDeviceToHost));
  cudaStream_t stream;
  if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) return "no stream";
  if (bug == Bug::allocates_in_capture) {
    void* data;
    (void)cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    return expect(cudaMalloc(&data, 100));
  }
  (void)emulator::launch(copy_kernel<bug>, 4, 256, 0, stream, out.data(), in.data(), kCopy);
  if (bug != Bug::no_synchronisation) (void)cudaStreamSynchronize(stream);
  std::vector<float> result(kCopy);
  (void)cudaMemcpy(result.data(), out.data(), kCopy * sizeof(float), cudaMemcpyDeviceToHost);
  return expect(result == values);
}

// ---- branches of a graph: first = in, then side by side second = first and third = first

template <Bug bug> std::string run_branches() {
  const auto values = counting<float>(kCopy);
  const Array<float> in(values), first(kCopy, 0.0f), second(kCopy, 0.0f), third(kCopy, 0.0f);
  cudaStream_t stream, other;
  cudaEvent_t event;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  (void)cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  (void)cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  (void)cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  const auto copy = [](cudaStream_t on, const Array<float>& to, const Array<float>& from) {
    (void)emulator::launch(copy_kernel<Bug::none>, 4, 256, 0, on, to.data(), from.data(), kCopy);
  };
  (void)cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (bug == Bug::fork_too_early) (void)cudaEventRecord(event, stream);
  copy(stream, first, in);
  if (bug != Bug::fork_too_early) (void)cudaEventRecord(event, stream);
  (void)cudaStreamWaitEvent(other, event);
  copy(other, third, first);
  copy(stream, bug == Bug::one_output_for_two ? third : second, first);
  (void)cudaEventRecord(event, other);
  (void)cudaStreamWaitEvent(stream, event);
  if (cudaStreamEndCapture(stream, &graph) != cudaSuccess) return "no graph";
  (void)cudaGraphInstantiate(&executable, graph);
  (void)cudaGraphLaunch(executable, stream);
  return expect(third.get() == values && second.get() == values);
}

// A reader that comes first meets garbage, one that comes second a race.
constexpr const char* kUnordered = "RACE|UNINITIALISED";

}  // namespace

#define MUTANT(run, bug, expected) \
  { #run "_" #bug, expected, run < Bug::bug> }

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> all = {
      MUTANT(run_sum, none, ""),
      MUTANT(run_sum, no_first_barrier, kUnordered),
      MUTANT(run_sum, no_second_barrier, kUnordered),
      MUTANT(run_sum, no_bound, "OUT OF BOUNDS: read of 4 bytes, 0 bytes past the end of device memory"),
      MUTANT(run_sum, shared_overrun, "OUT OF BOUNDS: read of 4 bytes at byte 16 of"),
      MUTANT(run_sum, uninitialised_shared, "UNINITIALISED"),
      MUTANT(run_sum, half_the_lanes, "in a warp operation"),
      MUTANT(run_sum, wrong_mask, "lane "),
      MUTANT(run_small_warp, none, ""),
      MUTANT(run_small_warp, absent_lane, "reads from lane 20, which does not take part"),
      MUTANT(run_transpose, none, ""),
      MUTANT(run_transpose, no_first_barrier, kUnordered),
      MUTANT(run_transpose, no_bound, "OUT OF BOUNDS"),
      MUTANT(run_transpose, too_little_dynamic_shared, "of dynamic shared memory of 256 bytes"),
      MUTANT(run_channel_sum, none, ""),
      MUTANT(run_channel_sum, no_first_barrier, kUnordered),
      MUTANT(run_channel_sum, no_bound, "OUT OF BOUNDS"),
      MUTANT(run_channel_sum, uninitialised_scratch, "UNINITIALISED"),
      MUTANT(run_channel_sum, early_return, "exit"),
      MUTANT(run_channel_sum, barrier_in_divergent_loop, "divergent barrier"),
      MUTANT(run_histogram, none, ""),
      MUTANT(run_histogram, plain_add_in_shared, "RACE"),
      MUTANT(run_histogram, plain_add_in_global, "RACE"),
      MUTANT(run_histogram, uninitialised_shared, "UNINITIALISED"),
      MUTANT(run_histogram, no_first_barrier, kUnordered),
      MUTANT(run_histogram, no_second_barrier, "RACE"),
      MUTANT(run_last_block, none, ""),
      MUTANT(run_last_block, no_release_fence, "RACE"),
      MUTANT(run_last_block, no_acquire_fence, "RACE"),
      MUTANT(run_last_block, every_block_finishes, "UNINITIALISED"),
      MUTANT(run_last_block, one_fence_for_all, "RACE"),
      MUTANT(run_last_block, plain_ticket, "RACE"),
      MUTANT(run_last_block, no_second_barrier, kUnordered),
      MUTANT(run_copy, none, ""),
      MUTANT(run_copy, misaligned, "MISALIGNED|OUT OF BOUNDS"),
      MUTANT(run_copy, rounded_up, "OUT OF BOUNDS"),
      MUTANT(run_copy, freed_memory, "not device memory"),
      MUTANT(run_copy, host_pointer, "not device memory"),
      MUTANT(run_copy, host_reads_device, "host code touches device memory"),
      MUTANT(run_functor, none, ""),
      MUTANT(run_functor, host_pointer_in_struct, "HOST MEMORY"),
      MUTANT(run_reverse, none, ""),
      MUTANT(run_reverse, no_syncwarp, kUnordered),
      MUTANT(run_reverse, half_syncwarp, kUnordered),
      MUTANT(run_reverse, masks_disagree, "lane"),
      MUTANT(run_reverse, divergent_barrier, "divergent barrier"),
      MUTANT(run_bytes, none, ""),
      MUTANT(run_bytes, same_byte, "RACE .write after write"),
      MUTANT(run_bytes, read_neighbour, "RACE"),
      MUTANT(run_bytes, writes_constant, "HOST MEMORY: write"),
      MUTANT(run_host, none, ""),
      MUTANT(run_host, too_much_shared, "cudaErrorInvalidValue"),
      MUTANT(run_host, too_many_threads, "cudaErrorInvalidConfiguration"),
      MUTANT(run_host, copy_past_end, "runs past an allocation"),
      MUTANT(run_host, copy_direction, "the direction does not match"),
      MUTANT(run_host, no_synchronisation, "WRONG RESULT"),
      MUTANT(run_host, allocates_in_capture, "cudaErrorStreamCaptureUnsupported"),
      MUTANT(run_branches, none, ""),
      MUTANT(run_branches, fork_too_early, "RACE between branches of a graph"),
      MUTANT(run_branches, one_output_for_two, "RACE between branches of a graph: write"),
  };
  return all;
}

}  // namespace emulator::mutants
