#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/ops/gram_pairs.h"

namespace crc {
namespace {

constexpr int kPairSide = 16, kPairThreads = kPairSide * kPairSide;
constexpr int kPairDepth = 32;  // columns between two barriers: a warp loads 32 of a row at once
static_assert(kPairPanel % kPairDepth == 0 && kPairDepth == 32);

// A block for each row.
__global__ void row_exponents_kernel(int32_t* exponents, const float* x, int64_t columns) {
  const float* row = x + blockIdx.x * columns;
  float largest = 0;
  for (int64_t p = threadIdx.x; p < columns; p += kPairThreads) largest = fmaxf(largest, fabsf(row[p]));
  largest = block_reduce<kPairThreads>(largest, Max{}, 0.0f);
  if (threadIdx.x == 0) exponents[blockIdx.x] = RowExponent::of(largest);
}

View<int32_t, 1> exponents_of(Cuda& cuda, View<const float, 3> x) {
  const int64_t rows = x.shape[0] * x.shape[1];
  const auto exponents = cuda.scratch().take<int32_t>({rows}, "exponents of rows");
  launch(cuda, "gram_pairs", row_exponents_kernel, {.blocks = dim3(unsigned(rows)), .threads = dim3(kPairThreads)},
         exponents.data, x.data, x.shape[2]);
  return exponents;
}

// Rows of one batch, and their scale.
struct PairRowsOf {
  const float* x;  // [rows,columns]
  const int32_t* exponents;
  int64_t rows, columns;
};

// kPairDepth columns of kTile rows, scaled, [depth][row]; zeros, which change no sum, outside.
template <int kTile>
__device__ __forceinline__ void stage(float (*shared)[kTile + 1], const PairRowsOf& of, int64_t first, int64_t column,
                                      int64_t end, const float* scales) {
  const int depth = int(threadIdx.x) % kPairDepth;
#pragma unroll
  for (int row = int(threadIdx.x) / kPairDepth; row < kTile; row += kPairThreads / kPairDepth) {
    const bool inside = first + row < of.rows && column + depth < end;
    shared[depth][row] = inside ? of.x[(first + row) * of.columns + column + depth] * scales[row] : 0;
  }
}

// One block: a tile of one batch's entries over one part, into sums [parts,B,N,M]. A thread owns kEach x kEach entries,
// 16 rows and columns apart.
template <int kTile>
__global__ void __launch_bounds__(kPairThreads)
    gram_pairs_kernel(double* sums, PairRowsOf a, PairRowsOf c, int64_t batch, PairParts cut) {
  constexpr int kEach = kTile / kPairSide;
  __shared__ float left[kPairDepth][kTile + 1], right[kPairDepth][kTile + 1];
  __shared__ float left_scales[kTile], right_scales[kTile];
  const int64_t tiles = cut.row_tiles * cut.column_tiles;
  const int64_t tile = blockIdx.x % tiles, b = blockIdx.x / tiles % batch, part = blockIdx.x / tiles / batch;
  const int64_t first_row = tile / cut.column_tiles * kTile, first_column = tile % cut.column_tiles * kTile;
  const int64_t n = a.rows, m = c.rows;
  a.x += b * n * a.columns, a.exponents += b * n;
  c.x += b * m * c.columns, c.exponents += b * m;
  const int64_t begin = part * cut.length, end = begin + cut.length < a.columns ? begin + cut.length : a.columns;
  const int thread = int(threadIdx.x), down = thread / kPairSide, across = thread % kPairSide;
  for (int row = thread; row < kTile; row += kPairThreads) {
    left_scales[row] = first_row + row < n ? RowExponent::scale(a.exponents[first_row + row]) : 0;
    right_scales[row] = first_column + row < m ? RowExponent::scale(c.exponents[first_column + row]) : 0;
  }
  double total[kEach][kEach] = {};
  for (int64_t panel = begin; panel < end; panel += kPairPanel) {
    PairSum pairs[kEach][kEach];
    for (int64_t column = panel; column < panel + kPairPanel && column < end; column += kPairDepth) {
      __syncthreads();
      stage<kTile>(left, a, first_row, column, end, left_scales);
      stage<kTile>(right, c, first_column, column, end, right_scales);
      __syncthreads();
#pragma unroll 4
      for (int d = 0; d < kPairDepth; ++d) {
        float x[kEach], y[kEach];
#pragma unroll
        for (int e = 0; e < kEach; ++e) x[e] = left[d][down + e * kPairSide], y[e] = right[d][across + e * kPairSide];
#pragma unroll
        for (int i = 0; i < kEach; ++i)
#pragma unroll
          for (int j = 0; j < kEach; ++j) pairs[i][j].add_product(x[i], y[j]);
      }
    }
#pragma unroll
    for (int i = 0; i < kEach; ++i)
#pragma unroll
      for (int j = 0; j < kEach; ++j) total[i][j] += pairs[i][j].value();
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i)
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      const int64_t row = first_row + down + i * kPairSide, column = first_column + across + j * kPairSide;
      if (row < n && column < m) sums[((part * batch + b) * n + row) * m + column] = total[i][j];
    }
}

}  // namespace

void gram_pairs(Cuda& cuda, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  const PairParts cut = check_gram_pairs(k, a, c);
  if (k.size() == 0) return;
  const int64_t batch = k.shape[0], n = k.shape[1], m = k.shape[2];
  const Arena::Frame frame(cuda.scratch());
  const auto ea = exponents_of(cuda, a), ec = a.data == c.data && n == m ? ea : exponents_of(cuda, c);
  const auto sums = cuda.scratch().take<double>({cut.parts, k.size()}, "parts of a Gram");
  const Grid grid{.blocks = dim3(unsigned(cut.row_tiles * cut.column_tiles * batch * cut.parts)),
                  .threads = dim3(kPairThreads)};
  const PairRowsOf rows{a.data, ea.data, n, a.shape[2]}, columns{c.data, ec.data, m, c.shape[2]};
  if (cut.tile == 16)
    launch(cuda, "gram_pairs", gram_pairs_kernel<16>, grid, sums.data, rows, columns, batch, cut);
  else
    launch(cuda, "gram_pairs", gram_pairs_kernel<64>, grid, sums.data, rows, columns, batch, cut);
  for_each(cuda, "gram_pairs", k.size(), AddPairParts{k.data, sums.data, ea.data, ec.data, n, m, cut.parts, k.size()});
}

}  // namespace crc
