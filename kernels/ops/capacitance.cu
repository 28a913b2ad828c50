#include "kernels/cuda/launch.cuh"
#include "kernels/ops/capacitance.cuh"
#include "kernels/ops/capacitance.h"

namespace crc {
namespace {

constexpr unsigned kAll = 0xffffffffu;

// f(i) over i < n in four chains over i mod 4: f(i, chain) returns the chain continued.
template <class F> __device__ __forceinline__ double four_chains(int64_t n, const F& f) {
  double chains[4] = {};
  for (int64_t i = 0; i < n; i += 4)
#pragma unroll
    for (int c = 0; c < 4; ++c)
      if (i + c < n) chains[c] = f(i + c, chains[c]);
  return (chains[0] + chains[1]) + (chains[2] + chains[3]);
}

// One lane owns a column, or an entry with all its chains.
struct WarpTeam {
  static __device__ int64_t rank() { return threadIdx.x; }
  static __device__ int64_t size() { return 32; }
  static __device__ void sync() { __syncwarp(kAll); }
  template <class F> static __device__ void pairs(int64_t n, int64_t m, const F& f) {
    const int columns = int(m), entries = int(n) * columns;  // they fit shared memory: 32 bits divide faster
    for (int e = threadIdx.x; e < entries; e += 32) f(e / columns, e % columns);
    sync();
  }

  static __device__ void weigh(const CapacitanceArrays& m, const CapacitanceWeights& weights, const double* lambda) {
    for (int64_t i = threadIdx.x; i < m.padded; i += 32) {
      const double inverse = i < m.columns ? weights.inverse_gap(lambda[i]) : 0;
      m.w[i] = weights.scale * inverse;
      m.b[i] = (weights.by_lambda && i < m.columns ? lambda[i] * inverse : inverse) * inverse;
    }
    sync();
  }
  static __device__ void accumulate(const CapacitanceArrays& m) {
    pairs(m.group, m.group, [&](int64_t a, int64_t b) {
      if (b > a) return;
      m.x[a * m.stride + b] += four_chains(m.padded, [&](int64_t i, double sum) {
        return fma(m.w[i] * m.v[i * m.stride + a], m.v[i * m.stride + b], sum);
      });
    });
  }
  static __device__ void project(const CapacitanceArrays& m) {
    for (int64_t i = threadIdx.x; i < m.padded; i += 32)
      m.t[i] = four_chains(m.group, [&](int64_t g, double sum) { return fma(m.u[g], m.v[i * m.stride + g], sum); });
    sync();
  }
  static __device__ void apply(const CapacitanceArrays& m, double identity) {
    for (int64_t g = threadIdx.x; g < m.group; g += 32)
      m.y[g] = identity * m.u[g] + four_chains(m.padded, [&](int64_t i, double sum) {
                 return fma(m.b[i] * m.t[i], m.v[i * m.stride + g], sum);
               });
    sync();
  }
  // Every lane adds it all: a sum in shared memory takes no longer than its chains.
  static __device__ double quotient(const CapacitanceArrays& m) {
    const double sum =
        four_chains(m.padded, [&](int64_t i, double part) { return fma(m.b[i] * m.t[i], m.t[i], part); });
    sync();
    return sum;
  }
  static __device__ double rest(const CapacitanceArrays& m, const double* lambda, double s, int64_t first) {
    const double sum = four_chains(
        m.columns, [&](int64_t i, double part) { return i < first ? part : part + m.t[i] * m.t[i] / (lambda[i] - s); });
    sync();
    return sum;
  }
  static __device__ double squares(const CapacitanceArrays& m) {
    double total = 0;
    for (int64_t g = 0; g < m.group; ++g)
      total += four_chains(
          m.padded, [&](int64_t i, double sum) { return fma(m.v[i * m.stride + g], m.v[i * m.stride + g], sum); });
    return total;
  }
  static __device__ void eliminate(const CapacitanceArrays& m, const double* l, const double* row) {
    pairs(m.group, m.stride, [&](int64_t i, int64_t c) {
      if (l[i] != 0) m.x[i * m.stride + c] = fma(-l[i], row[c], m.x[i * m.stride + c]);
    });
  }
};

// One group per block, in shared memory.
__global__ void capacitance_kernel(double* values, int32_t* evaluations, const double* lambda, const double* v,
                                   const double* k_gg, const int64_t* members, int64_t group, int64_t width,
                                   CapacitanceConfig config) {
  CRC_DYNAMIC_SHARED(double, memory);
  capacitance_group(WarpTeam(), memory, group, false, blockIdx.x, values, evaluations, lambda, v, k_gg, members, group,
                    width, config);
}

// Groups that are too large for it: every block has a row of `memory` [blocks, doubles] and takes group after group.
// The same steps, the same bits.
__global__ void capacitance_in_scratch_kernel(View<double, 2> memory, int64_t count, double* values,
                                              int32_t* evaluations, const double* lambda, const double* v,
                                              const double* k_gg, const int64_t* members, int64_t group, int64_t width,
                                              CapacitanceConfig config) {
  for (int64_t k = blockIdx.x; k < count; k += gridDim.x)
    capacitance_group(WarpTeam(), &memory(blockIdx.x, 0), group, false, k, values, evaluations, lambda, v, k_gg,
                      members, group, width, config);
}

}  // namespace

void capacitance(Cuda& cuda, View<double, 1> values, View<int32_t, 1> evaluations, View<const double, 1> lambda,
                 View<const double, 2> v, View<const double, 3> k_gg, View<const int64_t, 2> members,
                 CapacitanceConfig config) {
  check_capacitance(values, evaluations, lambda, v, k_gg, members, config);
  const int64_t group = members.shape[1], width = v.shape[1];
  const int64_t doubles = CapacitanceArrays::doubles(group, width), bytes = doubles * int64_t(sizeof(double));
  if (size_t(bytes) <= cuda.shared_bytes()) {
    launch(cuda, "capacitance", capacitance_kernel,
           {.blocks = dim3(unsigned(values.size())), .threads = dim3(32), .shared_bytes = size_t(bytes)}, values.data,
           evaluations.data, lambda.data, v.data, k_gg.data, members.data, group, width, config);
    return;
  }
  constexpr int64_t kScratchBytes = 32ll << 20;  // about what the L2 cache of such a GPU holds
  const int64_t blocks = std::min(values.size(), std::max<int64_t>(1, kScratchBytes / bytes));
  const Arena::Frame frame(cuda.scratch());
  const auto memory = cuda.scratch().take<double>({blocks, doubles}, "capacitance");
  launch(cuda, "capacitance", capacitance_in_scratch_kernel, {.blocks = dim3(unsigned(blocks)), .threads = dim3(32)},
         memory, values.size(), values.data, evaluations.data, lambda.data, v.data, k_gg.data, members.data, group,
         width, config);
}

}  // namespace crc
