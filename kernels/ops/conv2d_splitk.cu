#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/ops/conv2d_splitk.h"

namespace crc {
namespace {

constexpr int kSplitThreads = 96;
constexpr int kFours = kSplitColumns / 4;  // of a row of the tile of x
constexpr int kRowsAtOnce =
    kSplitThreads / kFours;                        // of that tile, one four per thread: its columns are always the same
constexpr int kLoads = kSplitDepth / kRowsAtOnce;  // of it, per thread
constexpr int kFar = -(1 << 30);                   // no row or column of an image

struct Four {
  float at[4];
};
__device__ __forceinline__ Four read_four(const float* shared) {
  const float4 v = *reinterpret_cast<const float4*>(shared);
  return {{v.x, v.y, v.z, v.w}};
}
__device__ __forceinline__ void write_four(float* shared, const Four& four) {
  *reinterpret_cast<float4*>(shared) = make_float4(four.at[0], four.at[1], four.at[2], four.at[3]);
}

// Where the filter lies at a position (n,p,q): its first row and column in the image, and their place in x.
struct Corner {
  int row, column;
  int64_t offset;
  __device__ static Corner of(const ConvProblem& c, int64_t position, int64_t end) {
    if (position >= end) return {kFar, kFar, 0};
    const unsigned width = unsigned(c.q()), height = unsigned(c.p());
    const unsigned at = unsigned(position), line = at / width, q = at - line * width;
    const unsigned n = line / height, p = line - n * height;
    const int row = int(p * c.stride - c.pad), column = int(q * c.stride - c.pad);
    return {row, column, ((int64_t(n) * c.h + row) * c.w + column) * c.c};
  }
};

// A column (r,s,c) of dw, as a step from the corner.
struct Tap {
  int row, column;
  int64_t offset;
  __device__ static Tap of(const ConvProblem& c, int j) {
    const int channels = int(c.c), size = int(c.r), tap = j / channels, row = tap / size, column = tap % size;
    if (row >= size) return {kFar, kFar, 0};
    return {row, column, (row * c.w + column) * c.c + j % channels};
  }
};

// dy and x of kSplitDepth positions, in registers on their way to shared memory. Neighbouring threads read neighbouring
// addresses: channels first.
template <int kRows, bool kFloat4> struct Stage {
  static constexpr int kRowFours = kRows / 4, kOfDy = (kSplitDepth * kRowFours + kSplitThreads - 1) / kSplitThreads;
  static constexpr int kTaps = kFloat4 ? 1 : 4;
  Four x[kLoads], dy[kOfDy];

  __device__ static Four columns(const ConvProblem& c, const float* from, const Corner& corner, const Tap* taps) {
    Four four = {};
#pragma unroll
    for (int t = 0; t < kTaps; ++t) {
      const int row = corner.row + taps[t].row, column = corner.column + taps[t].column;
      if (unsigned(row) >= unsigned(c.h) || unsigned(column) >= unsigned(c.w)) continue;
      const float* at = from + corner.offset + taps[t].offset;
      if constexpr (kFloat4)
        four = read_four(at);
      else
        four.at[t] = *at;
    }
    return four;
  }
  __device__ static Four rows(const ConvProblem& c, const float* from, int64_t position, int64_t k) {
    Four four = {};
    const float* at = from + position * c.k + k;
    if constexpr (kFloat4) {
      if (k < c.k) four = read_four(at);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (k + i < c.k) four.at[i] = at[i];
    }
    return four;
  }

  __device__ void load(const ConvProblem& c, const float* dy_from, const float* x_from, const Corner* corners,
                       const Tap* taps, int64_t position, int64_t end, int64_t first_k) {
    const int thread = int(threadIdx.x);
#pragma unroll
    for (int i = 0; i < kLoads; ++i) x[i] = columns(c, x_from, corners[thread / kFours + i * kRowsAtOnce], taps);
#pragma unroll
    for (int i = 0; i < kOfDy; ++i) {
      const int four = thread + i * kSplitThreads, row = four / kRowFours;
      dy[i] = {};
      if (row < kSplitDepth && position + row < end)
        dy[i] = rows(c, dy_from, position + row, first_k + four % kRowFours * 4);
    }
  }
  __device__ void store(float (*shared_dy)[kRows], float (*shared_x)[kSplitColumns]) const {
    const int thread = int(threadIdx.x);
#pragma unroll
    for (int i = 0; i < kLoads; ++i)
      write_four(&shared_x[thread / kFours + i * kRowsAtOnce][thread % kFours * 4], x[i]);
#pragma unroll
    for (int i = 0; i < kOfDy; ++i) {
      const int four = thread + i * kSplitThreads, row = four / kRowFours;
      if (row < kSplitDepth) write_four(&shared_dy[row][four % kRowFours * 4], dy[i]);
    }
  }
};

// A thread's part of a tile: kRowGroups x kColumnGroups squares of 4 x 4, far apart, so that the lanes of a warp read
// neighbouring fours.
template <int kRows, int kThreadRows> struct Sums {
  static constexpr int kThreadsDown = kRows / kThreadRows, kThreadsAcross = kSplitThreads / kThreadsDown;
  static constexpr int kRowGroups = kThreadRows / 4, kColumnGroups = kSplitColumns / kThreadsAcross / 4;
  float at[4 * kRowGroups][4 * kColumnGroups] = {};

  __device__ static int row(int i) {
    return i / 4 * (kRows / kRowGroups) + int(threadIdx.x) / kThreadsAcross * 4 + i % 4;
  }
  __device__ static int column(int j) {
    return j / 4 * (kSplitColumns / kColumnGroups) + int(threadIdx.x) % kThreadsAcross * 4 + j % 4;
  }
  __device__ void add(const float (*dy)[kRows], const float (*x)[kSplitColumns]) {
#pragma unroll 4
    for (int d = 0; d < kSplitDepth; ++d) {
      Four down[kRowGroups], across[kColumnGroups];
#pragma unroll
      for (int i = 0; i < kRowGroups; ++i) down[i] = read_four(&dy[d][row(4 * i)]);
#pragma unroll
      for (int j = 0; j < kColumnGroups; ++j) across[j] = read_four(&x[d][column(4 * j)]);
#pragma unroll
      for (int i = 0; i < 4 * kRowGroups; ++i)
#pragma unroll
        for (int j = 0; j < 4 * kColumnGroups; ++j)
          at[i][j] = fmaf(down[i / 4].at[i % 4], across[j / 4].at[j % 4], at[i][j]);
    }
  }
};

// One block: one tile of dw over one chunk, into parts [chunks, K, R*R*C]. The tile after the one in hand is loaded
// while that is summed; one barrier for each.
template <int kRows, int kThreadRows, bool kFloat4>
__global__ void __launch_bounds__(kSplitThreads)
    splitk_kernel(float* parts, const float* dy, const float* x, ConvProblem c, SplitK split) {
  using Tiles = Stage<kRows, kFloat4>;
  __shared__ __align__(16) float shared_dy[2][kSplitDepth][kRows];
  __shared__ __align__(16) float shared_x[2][kSplitDepth][kSplitColumns];
  __shared__ Corner corners[2][kSplitDepth];
  const int thread = int(threadIdx.x);
  const int64_t tiles = split.row_tiles * split.column_tiles, chunk = blockIdx.x / tiles, tile = blockIdx.x % tiles;
  const int64_t first_k = tile / split.column_tiles * kRows;
  const int first_column = int(tile % split.column_tiles) * kSplitColumns;
  const int64_t begin = chunk * split.length, positions = c.n * c.p() * c.q();
  const int64_t end = begin + split.length < positions ? begin + split.length : positions;
  Tap taps[Tiles::kTaps];
#pragma unroll
  for (int t = 0; t < Tiles::kTaps; ++t) taps[t] = Tap::of(c, first_column + thread % kFours * 4 + t);

  if (thread < 2 * kSplitDepth)
    corners[thread / kSplitDepth][thread % kSplitDepth] = Corner::of(c, begin + thread, end);
  __syncthreads();
  Tiles next;
  next.load(c, dy, x, corners[0], taps, begin, end, first_k);
  next.store(shared_dy[0], shared_x[0]);
  Sums<kRows, kThreadRows> sums;
  int now = 0;
  for (int64_t position = begin; position < end; position += kSplitDepth, now ^= 1) {
    __syncthreads();
    const int64_t after = position + kSplitDepth;
    next.load(c, dy, x, corners[now ^ 1], taps, after, end, first_k);  // zeros beyond the end
    if (thread < kSplitDepth) corners[now][thread] = Corner::of(c, after + kSplitDepth + thread, end);
    sums.add(shared_dy[now], shared_x[now]);
    next.store(shared_dy[now ^ 1], shared_x[now ^ 1]);
  }
  const int64_t columns = c.r * c.r * c.c;
#pragma unroll
  for (int i = 0; i < kThreadRows; ++i)
#pragma unroll
    for (int j = 0; j < 4 * sums.kColumnGroups; ++j) {
      const int64_t k = first_k + sums.row(i), column = first_column + sums.column(j);
      if (k < c.k && column < columns) parts[(chunk * c.k + k) * columns + column] = sums.at[i][j];
    }
}

constexpr int kOutputs = 32;  // of dw, per block

// threadIdx.x is an output, threadIdx.y a lane of its chunks.
__global__ void add_chunks_kernel(float* dw, ChunkSums sums) {
  __shared__ double lanes[kChunkLanes][kOutputs];
  const int64_t output = int64_t(blockIdx.x) * kOutputs + threadIdx.x;
  if (output < sums.outputs) lanes[threadIdx.y][threadIdx.x] = sums.lane(output, int(threadIdx.y));
  __syncthreads();
  if (threadIdx.y != 0 || output >= sums.outputs) return;
  double total = 0;
  for (int lane = 0; lane < kChunkLanes; ++lane) total += lanes[lane][threadIdx.x];
  dw[output] += float(total);
}

}  // namespace

void conv2d_weight_gradient_splitk(Cuda& cuda, View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x,
                                   Conv2dConfig config) {
  constexpr const char* kOp = "conv2d_weight_gradient_splitk";
  const ConvProblem problem = conv_problem<float>(kOp, x, dw, dy, config);
  if (problem.n == 0) return;
  if (problem.terms(ConvPass::backward_weights) > INT32_MAX)
    fail_internal(std::string(kOp) + ": more than 2^31 positions: " + to_string(problem));
  const SplitK split = split_k(problem);
  const Arena::Frame frame(cuda.scratch());
  const auto parts = cuda.scratch().take<float>({split.chunks, dw.size()}, "chunks of the weight gradient");
  const auto run = [&](auto kernel) {
    launch(cuda, kOp, kernel, {.blocks = dim3(unsigned(split.blocks())), .threads = dim3(kSplitThreads)}, parts.data,
           dy.data, x.data, problem, split);
  };
  const bool float4s = problem.c % 4 == 0 && problem.k % 4 == 0 && aligned_for_packs(dy.data, x.data);
  const int64_t rows = split_rows(problem);
  if (rows == 16)
    float4s ? run(splitk_kernel<16, 4, true>) : run(splitk_kernel<16, 4, false>);
  else if (rows == 32)
    float4s ? run(splitk_kernel<32, 4, true>) : run(splitk_kernel<32, 4, false>);
  else
    float4s ? run(splitk_kernel<64, 8, true>) : run(splitk_kernel<64, 8, false>);
  launch(cuda, kOp, add_chunks_kernel,
         {.blocks = dim3(unsigned((dw.size() + kOutputs - 1) / kOutputs)), .threads = dim3(kOutputs, kChunkLanes)},
         dw.data, ChunkSums{parts.data, split.chunks, dw.size()});
}

}  // namespace crc
