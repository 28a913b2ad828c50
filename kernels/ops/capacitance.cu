#include "kernels/core/numeric_class.h"
#include "kernels/cuda/contest.h"
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

// The same by four neighbouring lanes, a chain each; all get the sum. All lanes of the warp must call.
template <class F> __device__ __forceinline__ double chain_of_lane(int64_t n, const F& f) {
  double chain = 0;
  for (int64_t i = threadIdx.x % 4; i < n; i += 4) chain = f(i, chain);
  chain += __shfl_xor_sync(kAll, chain, 1);
  return chain + __shfl_xor_sync(kAll, chain, 2);
}

// A block of any number of warps. A thread owns a column, an entry with all its chains, or a chain; what every warp
// needs, every warp adds up. So the bits are the same for any number of warps.
struct BlockTeam {
  static __device__ int64_t rank() { return threadIdx.x; }
  static __device__ int64_t size() { return blockDim.x; }
  static __device__ void sync() {
    if (blockDim.x == 32)
      __syncwarp(kAll);
    else
      __syncthreads();
  }
  template <class F> static __device__ void pairs(int64_t n, int64_t m, const F& f) {
    const int columns = int(m), entries = int(n) * columns;  // they fit shared memory: 32 bits divide faster
    for (int e = threadIdx.x; e < entries; e += blockDim.x) f(e / columns, e % columns);
    sync();
  }
  // f(g, chain over n) for g < count: four lanes each.
  template <class F, class Store>
  static __device__ void rows_by_chains(int64_t count, int64_t n, const F& f, const Store& store) {
    for (int64_t first = 0; first < 4 * count; first += blockDim.x) {  // as often for every lane of a warp
      const int64_t g = (first + threadIdx.x) / 4;
      const double sum = chain_of_lane(g < count ? n : 0, [&](int64_t i, double part) { return f(g, i, part); });
      if (g < count && threadIdx.x % 4 == 0) store(g, sum);
    }
    sync();
  }

  static __device__ void weigh(const CapacitanceArrays& m, const CapacitanceWeights& weights, const double* lambda) {
    for (int64_t i = threadIdx.x; i < m.padded; i += blockDim.x) {
      const double inverse = i < m.columns ? weights.inverse_gap(lambda[i]) : 0;
      m.w[i] = weights.scale * inverse;
      m.b[i] = (weights.by_lambda && i < m.columns ? lambda[i] * inverse : inverse) * inverse;
    }
    sync();
  }
  // Row r of the lower triangle and row G-1-r beside each other have G+1 entries.
  static __device__ void accumulate(const CapacitanceArrays& m) {
    const int64_t G = m.group;
    pairs((G + 1) / 2, G + 1, [&](int64_t r, int64_t c) {
      const bool left = c <= r;
      const int64_t a = left ? r : G - 1 - r, b = left ? c : c - r - 1;
      if (!left && a == r) return;  // the middle row has no partner
      m.x[a * m.stride + b] += four_chains(m.padded, [&](int64_t i, double sum) {
        return fma(m.w[i] * m.v[i * m.stride + a], m.v[i * m.stride + b], sum);
      });
    });
  }
  static __device__ void project(const CapacitanceArrays& m) {
    for (int64_t i = threadIdx.x; i < m.padded; i += blockDim.x)
      m.t[i] = four_chains(m.group, [&](int64_t g, double sum) { return fma(m.u[g], m.v[i * m.stride + g], sum); });
    sync();
  }
  static __device__ void apply(const CapacitanceArrays& m, double identity) {
    rows_by_chains(
        m.group, m.padded,
        [&](int64_t g, int64_t i, double sum) { return fma(m.b[i] * m.t[i], m.v[i * m.stride + g], sum); },
        [&](int64_t g, double sum) { m.y[g] = identity * m.u[g] + sum; });
  }
  static __device__ double quotient(const CapacitanceArrays& m) {
    const double sum =
        chain_of_lane(m.padded, [&](int64_t i, double part) { return fma(m.b[i] * m.t[i], m.t[i], part); });
    sync();
    return sum;
  }
  // The divisions are shared out first, into w: it is free between a matrix and the next.
  static __device__ double rest(const CapacitanceArrays& m, const double* lambda, double s, int64_t first) {
    for (int64_t i = threadIdx.x; i < m.columns; i += blockDim.x)
      m.w[i] = i < first ? 0 : m.t[i] * m.t[i] / (lambda[i] - s);
    sync();
    const double sum = chain_of_lane(m.columns, [&](int64_t i, double part) { return part + m.w[i]; });
    sync();
    return sum;
  }
  // Rows first, into y: it is free before the search.
  static __device__ double squares(const CapacitanceArrays& m) {
    rows_by_chains(
        m.group, m.padded,
        [&](int64_t g, int64_t i, double sum) { return fma(m.v[i * m.stride + g], m.v[i * m.stride + g], sum); },
        [&](int64_t g, double sum) { m.y[g] = sum; });
    double total = 0;
    for (int64_t g = 0; g < m.group; ++g) total += m.y[g];
    sync();
    return total;
  }
  static __device__ void eliminate(const CapacitanceArrays& m, const double* l, const double* row) {
    pairs(m.group, m.stride, [&](int64_t i, int64_t c) {
      if (l[i] != 0) m.x[i * m.stride + c] = fma(-l[i], row[c], m.x[i * m.stride + c]);
    });
  }
};

// What is asked of one launch.
struct CapacitanceCall {
  double* values;
  int32_t* evaluations;
  const double *lambda, *v, *k_gg;
  const int64_t* members;
  int64_t count, group, width;
  CapacitanceConfig config;

  template <class Team> __device__ __forceinline__ void search(const Team& team, double* memory, int64_t k) const {
    capacitance_group(team, memory, group, false, k, values, evaluations, lambda, v, k_gg, members, group, width,
                      config);
  }
};

// One group per block, in shared memory.
__global__ void capacitance_kernel(CapacitanceCall call) {
  CRC_DYNAMIC_SHARED(double, memory);
  call.search(BlockTeam(), memory, blockIdx.x);
}

// Groups that are too large for it: every block has a row of `memory` [blocks, doubles] and takes group after group.
// The same steps, the same bits.
__global__ void capacitance_in_scratch_kernel(View<double, 2> memory, CapacitanceCall call) {
  for (int64_t k = blockIdx.x; k < call.count; k += gridDim.x) call.search(BlockTeam(), &memory(blockIdx.x, 0), k);
}

void run(Cuda& cuda, const CapacitanceCall& call, int warps) {
  const int64_t doubles = CapacitanceArrays::doubles(call.group, call.width), bytes = doubles * int64_t(sizeof(double));
  if (size_t(bytes) <= cuda.shared_bytes()) {
    launch(cuda, "capacitance", capacitance_kernel,
           {.blocks = dim3(unsigned(call.count)), .threads = dim3(unsigned(32 * warps)), .shared_bytes = size_t(bytes)},
           call);
    return;
  }
  constexpr int64_t kScratchBytes = 32ll << 20;  // about what the L2 cache of such a GPU holds
  const int64_t blocks = std::min(call.count, std::max<int64_t>(1, kScratchBytes / bytes));
  const Arena::Frame frame(cuda.scratch());
  const auto memory = cuda.scratch().take<double>({blocks, doubles}, "capacitance");
  launch(cuda, "capacitance", capacitance_in_scratch_kernel,
         {.blocks = dim3(unsigned(blocks)), .threads = dim3(unsigned(32 * warps))}, memory, call);
}

// How many warps a group gets where one is not enough: where shared memory, or the number of groups, leaves a
// multiprocessor fewer warps than hide each other's latency, and the group has work for more.
int many_warps(Cuda& cuda, const CapacitanceCall& call) {
  constexpr int64_t kBusy = 16;  // warps of a multiprocessor: four for each of its schedulers, all that registers allow
  constexpr int kMost = 8;
  const int64_t bytes = CapacitanceArrays::doubles(call.group, call.width) * int64_t(sizeof(double));
  const int64_t fit = size_t(bytes) <= cuda.shared_bytes() ? int64_t(cuda.shared_bytes()) / bytes : 1;
  const int64_t groups = std::min(fit, (call.count + cuda.multiprocessors() - 1) / cuda.multiprocessors());
  const int64_t entries = call.group * (call.group + 1) / 2, work = std::max(entries, call.width);
  int warps = 1;
  while (warps < kMost && warps * groups < kBusy && 64 * warps <= work) warps *= 2;
  return warps;
}

// The number of warps that the gate has chosen. The same bits for any.
int choose_warps(Cuda& cuda, const CapacitanceCall& call) {
  constexpr int64_t kWorthATrial = 8;  // groups
  const int many = many_warps(cuda, call);
  if (many == 1 || call.count < kWorthATrial) return 1;
  const std::string name = std::to_string(many) + " warps";
  const char* update = call.config.update == Update::dual     ? "dual"
                       : call.config.update == Update::primal ? "primal"
                                                              : "bordered";
  const std::string key = std::string("capacitance ") + update + " [" + std::to_string(call.group) + "," +
                          std::to_string(call.width) + "], " + name;
  const bool won =
      choose_way(cuda, key, {{"1 warp", [&] { run(cuda, call, 1); }, 0}, {name, [&] { run(cuda, call, many); }, 0}},
                 {Contested(call.values, call.count, Dtype::f64), Contested(call.evaluations, call.count, Dtype::i32)},
                 tolerance(NumericClass::exact, Dtype::f64)) == 1;
  return won ? many : 1;
}

}  // namespace

void capacitance(Cuda& cuda, View<double, 1> values, View<int32_t, 1> evaluations, View<const double, 1> lambda,
                 View<const double, 2> v, View<const double, 3> k_gg, View<const int64_t, 2> members,
                 CapacitanceConfig config) {
  check_capacitance(values, evaluations, lambda, v, k_gg, members, config);
  if (values.size() == 0) return;
  const CapacitanceCall call{values.data,  evaluations.data, lambda.data,      v.data,     k_gg.data,
                             members.data, values.size(),    members.shape[1], v.shape[1], config};
  run(cuda, call, choose_warps(cuda, call));
}

}  // namespace crc
