#include <cmath>

#include "kernels/cuda/contest.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace crc {
namespace {

constexpr int kContestThreads = 256;

// The larger; of NaN and a number, NaN.
struct MaxOrNan {
  __device__ double operator()(double a, double b) const { return a >= b || a != a ? a : b; }
};

__device__ double wide(float v) { return v; }
__device__ double wide(double v) { return v; }
__device__ double wide(int32_t v) { return double(v); }
__device__ double wide(int64_t v) { return double(v); }
__device__ double wide(bf16 v) { return float(v); }

// parts [2, blocks]: the largest |a - b|, the largest |b|.
template <class T> __global__ void contest_kernel(double* parts, const T* a, const T* b, int64_t n) {
  const int64_t stride = int64_t(gridDim.x) * kContestThreads;
  const MaxOrNan larger;
  double difference = 0, magnitude = 0;
  for (int64_t i = int64_t(blockIdx.x) * kContestThreads + threadIdx.x; i < n; i += stride) {
    const double x = wide(a[i]), y = wide(b[i]);
    difference = larger(difference, x == y ? 0 : fabs(x - y));  // equal infinities are equal
    magnitude = larger(magnitude, fabs(y));
  }
  difference = block_reduce<kContestThreads>(difference, larger, 0.0);
  magnitude = block_reduce<kContestThreads>(magnitude, larger, 0.0);
  if (threadIdx.x != 0) return;
  parts[blockIdx.x] = difference;
  parts[gridDim.x + blockIdx.x] = magnitude;
}

template <class T> double compare(Cuda& cuda, const void* a, const void* b, int64_t n) {
  if (n == 0) return 0;
  const auto kernel = contest_kernel<T>;
  const int64_t blocks =
      std::min((n + kContestThreads - 1) / kContestThreads, resident_blocks(cuda, kernel, kContestThreads));
  const Arena::Frame frame(cuda.scratch());
  double* parts = cuda.scratch().take<double>({2, blocks}, "differences").data;
  launch(cuda, "contest", kernel, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kContestThreads)}, parts,
         static_cast<const T*>(a), static_cast<const T*>(b), n);
  std::vector<double> found(size_t(2 * blocks));
  copy_out(cuda, found.data(), parts, int64_t(sizeof(double)) * 2 * blocks);
  double difference = 0, magnitude = 0;
  for (int64_t i = 0; i < blocks; ++i) {
    const double d = found[size_t(i)], m = found[size_t(blocks + i)];
    if (!(d <= difference)) difference = std::isnan(difference) ? difference : d;
    if (!(m <= magnitude)) magnitude = std::isnan(magnitude) ? magnitude : m;
  }
  if (difference == 0 || std::isinf(magnitude)) return difference == 0 ? 0 : INFINITY;
  return difference / magnitude;
}

double compare(Cuda& cuda, const Contested& array, const void* with) {
  switch (array.dtype) {
    case Dtype::f32:
      return compare<float>(cuda, array.data, with, array.count);
    case Dtype::f64:
      return compare<double>(cuda, array.data, with, array.count);
    case Dtype::bf16:
      return compare<bf16>(cuda, array.data, with, array.count);
    case Dtype::i32:
      return compare<int32_t>(cuda, array.data, with, array.count);
    case Dtype::i64:
      return compare<int64_t>(cuda, array.data, with, array.count);
    default:
      fail_internal(std::string("a contest over ") + name_of(array.dtype));
  }
}

// The fastest of a few runs: a run's time has a floor, and noise only adds to it.
double fastest(Cuda& cuda, const std::function<void()>& run) {
  constexpr int kRuns = 5;  // the first also loads the kernel
  cudaEvent_t begin, end;
  check_cuda(cudaEventCreate(&begin), "create an event");
  check_cuda(cudaEventCreate(&end), "create an event");
  const std::shared_ptr<void> events(nullptr, [=](void*) {
    (void)cudaEventDestroy(begin);
    (void)cudaEventDestroy(end);
  });
  float best = 0;
  for (int i = 0; i < kRuns; ++i) {
    float ms = 0;
    check_cuda(cudaEventRecord(begin, cuda.stream()), "time a contest");
    run();
    check_cuda(cudaEventRecord(end, cuda.stream()), "time a contest");
    check_cuda(cudaEventSynchronize(end), "time a contest");
    check_cuda(cudaEventElapsedTime(&ms, begin, end), "time a contest");
    best = i == 0 ? ms : std::min(best, ms);
  }
  return 1e-3 * double(best);
}

Contest contest(Cuda& cuda, const std::vector<Contested>& out, double tolerance) {
  const auto kept = std::make_shared<std::vector<void*>>();
  const auto bytes = [](const Contested& array) { return array.count * size_of(array.dtype); };
  return {.tolerance = tolerance,
          .prepare =
              [&cuda, &out, bytes] {
                for (const Contested& array : out)
                  check_cuda(cudaMemsetAsync(array.data, array.zeroed ? 0 : 0xff, size_t(bytes(array)), cuda.stream()),
                             "prepare a contest");
              },
          .keep =
              [&cuda, &out, bytes, kept] {
                for (const Contested& array : out) {
                  kept->push_back(cuda.scratch().take_bytes(bytes(array), "the plain result"));
                  copy_within(cuda, kept->back(), array.data, bytes(array));
                }
              },
          .difference =
              [&cuda, &out, kept] {
                double worst = 0;
                for (size_t i = 0; i < out.size(); ++i) {
                  const double found = compare(cuda, out[i], (*kept)[i]);
                  if (!(found <= worst)) worst = std::isnan(worst) ? worst : found;
                }
                return worst;
              },
          .seconds = [&cuda](const std::function<void()>& run) { return fastest(cuda, run); }};
}

}  // namespace

bool contest_due(Cuda& cuda, const std::string& key) {
  if (cuda.gate().tier() == Gate::Tier::plain || cuda.gate().known(key)) return false;
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(cuda.stream(), &capture), key);
  if (capture == cudaStreamCaptureStatusNone) return true;
  fail_internal(key + ": its first call is under graph capture; run the step once before recording it");
}

size_t choose_way(Cuda& cuda, const std::string& key, const std::vector<Way>& ways, const std::vector<Contested>& out,
                  double tolerance) {
  if (cuda.gate().tier() == Gate::Tier::plain || ways.size() < 2) return 0;
  (void)contest_due(cuda, key);
  const Arena::Unmeasured copies(cuda.scratch());
  const Arena::Frame frame(cuda.scratch());
  return cuda.gate().choose(key, ways, contest(cuda, out, tolerance));
}

}  // namespace crc
