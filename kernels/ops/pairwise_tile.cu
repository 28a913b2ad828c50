#include "kernels/cuda/contest.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/pairwise_tile.h"

namespace crc {
namespace {

constexpr int kPairTile = 64, kSide = 16,
              kEach = kPairTile / kSide;  // rows and columns; threads a side; of them per thread
constexpr int kPairThreads = kSide * kSide, kPairDepth = 16;
constexpr int kChains = 4;  // threads that reduce a row of a tile
constexpr int kTileStride = kPairTile + 1;
static_assert(kPairChunk % kPairTile == 0 && kPairThreads == kPairTile * kChains);

// a and b with their squared norms.
struct PairRows {
  const float *a, *b;
  const double *a2, *b2;
  int64_t rows, columns, width;
  Measure measure;
  double scale;

  CRC_HD double measure_of(double inner, int64_t i, int64_t j) const {
    switch (measure) {
      case Measure::cosine:
        return measured<Measure::cosine>(inner, a2[i], b2[j], scale);
      case Measure::similarity:
        return measured<Measure::similarity>(inner, a2[i], b2[j], scale);
      case Measure::rbf:
        return measured<Measure::rbf>(inner, a2[i], b2[j], scale);
      case Measure::top_hat:
        return measured<Measure::top_hat>(inner, a2[i], b2[j], scale);
      default:
        return measured<Measure::squared>(inner, a2[i], b2[j], scale);
    }
  }
};

// kPairDepth features of kPairTile rows as doubles, [depth][row]; zeros outside.
__device__ void stage(double* shared, const float* x, int64_t first, int64_t rows, int64_t depth, int64_t width) {
  const int thread = int(threadIdx.x), row = thread / kChains;
  for (int d = thread % kChains; d < kPairDepth; d += kChains) {
    const bool inside = first + row < rows && depth + d < width;
    shared[d * kPairTile + row] = inside ? double(x[(first + row) * width + depth + d]) : 0;
  }
}

// The measures of kPairTile x kPairTile pairs in shared memory, [row][column]. Ends with all threads together.
__device__ void measure_tile(double* shared, const PairRows& p, int64_t first_row, int64_t first_column) {
  const int down = int(threadIdx.x) / kSide, across = int(threadIdx.x) % kSide;
  double *left = shared, *right = shared + kPairDepth * kPairTile;
  double inner[kEach][kEach] = {};
  for (int64_t depth = 0; depth < p.width; depth += kPairDepth) {
    __syncthreads();
    stage(left, p.a, first_row, p.rows, depth, p.width);
    stage(right, p.b, first_column, p.columns, depth, p.width);
    __syncthreads();
#pragma unroll 4
    for (int d = 0; d < kPairDepth; ++d) {
      double x[kEach], y[kEach];
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        x[r] = left[d * kPairTile + down + r * kSide];
        y[r] = right[d * kPairTile + across + r * kSide];
      }
#pragma unroll
      for (int r = 0; r < kEach; ++r)
#pragma unroll
        for (int c = 0; c < kEach; ++c)
          inner[r][c] = fma(x[r], y[c], inner[r][c]);  // the product is exact: fused or not
    }
  }
  __syncthreads();
#pragma unroll
  for (int r = 0; r < kEach; ++r)
#pragma unroll
    for (int c = 0; c < kEach; ++c) {
      const int row = down + r * kSide, column = across + c * kSide;
      const int64_t i = first_row + row, j = first_column + column;
      if (i < p.rows && j < p.columns) shared[row * kTileStride + column] = p.measure_of(inner[r][c], i, j);
    }
  __syncthreads();
}

// Blocks of kPairThreads threads, a block of y columns of blocks for each kPairTile rows; `Reduce` is a thread's share of a
// row: its columns are those of its number modulo kChains. take(row, column, measure) in order of columns; finish(row,
// chunk, results of the threads) at last.
template <class Reduce> __global__ void reduce_pairs_kernel(PairRows p, int64_t chunk, Reduce reduce) {
  __shared__ double shared[kPairTile * kTileStride];
  static_assert(2 * kPairDepth * kPairTile <= kPairTile * kTileStride);
  const int64_t first_row = int64_t(blockIdx.x) * kPairTile, begin = int64_t(blockIdx.y) * chunk;
  const int64_t end = begin + chunk < p.columns ? begin + chunk : p.columns;
  const int row = int(threadIdx.x) / kChains, number = int(threadIdx.x) % kChains;
  const bool inside = first_row + row < p.rows;
  if (inside) reduce.start(first_row + row, number);
  for (int64_t column = begin; column < end; column += kPairTile) {
    measure_tile(shared, p, first_row, column);
    if (!inside) continue;
    const int columns = int(end - column < kPairTile ? end - column : kPairTile);
    for (int c = reduce.kAlone ? 0 : number; c < columns; c += reduce.kAlone ? 1 : kChains)
      if (!reduce.kAlone || number == 0) reduce.take(first_row + row, column + c, shared[row * kTileStride + c]);
  }
  __syncthreads();
  shared[threadIdx.x] = reduce.result();
  __syncthreads();
  if (inside && number == 0) reduce.finish(first_row + row, int64_t(blockIdx.y), &shared[threadIdx.x]);
}

// The same by one thread for a row and a chunk of columns, straight from the definition: the plain way.
template <class Reduce> __global__ void plain_pairs_kernel(PairRows p, int64_t chunk, int64_t chunks, Reduce reduce) {
  const int64_t stride = int64_t(gridDim.x) * blockDim.x;
  for (int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; at < p.rows * chunks; at += stride) {
    const int64_t i = at % p.rows, which = at / p.rows, begin = which * chunk;
    const int64_t end = begin + chunk < p.columns ? begin + chunk : p.columns;
    double results[kChains];
    for (int number = 0; number < kChains; ++number) {
      Reduce mine = reduce;
      mine.start(i, number);
      const bool idle = Reduce::kAlone && number != 0;
      for (int64_t j = begin + (Reduce::kAlone ? 0 : number); j < end && !idle; j += Reduce::kAlone ? 1 : kChains) {
        double inner = 0;
        for (int64_t d = 0; d < p.width; ++d)
          inner = fma(double(p.a[i * p.width + d]), double(p.b[j * p.width + d]), inner);
        mine.take(i, j, p.measure_of(inner, i, j));
      }
      results[number] = mine.result();
    }
    reduce.finish(i, which, results);
  }
}

struct LeastOfRow {
  static constexpr bool kAlone = true;  // the first thread of a row takes all columns
  double* values;
  int64_t* places;
  int64_t count;
  CRC_HD LeastList list(int64_t i) const { return {values + i * count, places + i * count, count}; }
  CRC_HD void start(int64_t i, int number) const {
    if (number == 0) list(i).clear();
  }
  CRC_HD void take(int64_t i, int64_t j, double m) const { list(i).offer(m, j); }
  CRC_HD double result() const { return 0; }
  CRC_HD void finish(int64_t, int64_t, const double*) const {}
  std::string of() const { return "least " + std::to_string(count); }
  LeastOfRow on_trial(Arena& arena, int64_t rows, int64_t, std::vector<Contested>& out) const {
    const auto value = arena.take<double>({rows, count}, "values on trial");
    const auto place = arena.take<int64_t>({rows, count}, "places on trial");
    out = {Contested(value), Contested(place)};
    return {value.data, place.data, count};
  }
};

struct MostOfRow {
  static constexpr bool kAlone = false;
  double* most;
  double largest = 0;
  CRC_HD void start(int64_t i, int) { largest = most[i]; }
  CRC_HD void take(int64_t, int64_t, double m) { largest = m > largest ? m : largest; }
  CRC_HD double result() const { return largest; }
  CRC_HD void finish(int64_t i, int64_t, const double* results) const {
    double all = results[0];
    for (int c = 1; c < kChains; ++c) all = results[c] > all ? results[c] : all;
    most[i] = all;
  }
  std::string of() const { return "most"; }
  MostOfRow on_trial(Arena& arena, int64_t rows, int64_t, std::vector<Contested>& out) const {
    const auto found = arena.take<double>({rows}, "largest on trial");
    out = {Contested(found, true)};
    return {found.data};
  }
};

// One sum of a row's chunk of columns: 4 chains.
struct GainOfChunk {
  static constexpr bool kAlone = false;
  const double *current, *weights;
  double* sums;  // [chunks,N]
  int64_t rows;
  double chain = 0;
  CRC_HD void start(int64_t, int) {}
  CRC_HD void take(int64_t, int64_t j, double m) {
    const double more = m - current[j];
    chain += (more > 0 ? more : 0) * weights[j];
  }
  CRC_HD double result() const { return chain; }
  CRC_HD void finish(int64_t i, int64_t which, const double* chains) const {
    sums[which * rows + i] = (chains[0] + chains[1]) + (chains[2] + chains[3]);
  }
  std::string of() const { return "gain"; }
  GainOfChunk on_trial(Arena& arena, int64_t n, int64_t chunks, std::vector<Contested>& out) const {
    const auto found = arena.take<double>({chunks, n}, "sums on trial");
    out = {Contested(found)};
    return {current, weights, found.data, n};
  }
};

struct AddChunks {
  double* gain;
  const double* sums;
  int64_t chunks, rows;
  CRC_HD void operator()(int64_t i) const {
    for (int64_t c = 0; c < chunks; ++c) gain[i] += sums[c * rows + i];
  }
};

struct Clear {
  double* gain;
  CRC_HD void operator()(int64_t i) const { gain[i] = 0; }
};

// Valid until the caller's frame ends.
PairRows pair_rows(Cuda& cuda, const PairedRows& a, const PairedRows& b, const Pairing& pairing) {
  const auto norms = [&](const PairedRows& rows) {
    if (rows.squared.size() > 0) return rows.squared.data;
    const auto squared = cuda.scratch().take<double>({rows.x.shape[0]}, "squared norms");
    pairwise_norms(cuda, squared, rows.x);
    return static_cast<const double*>(squared.data);
  };
  return {a.x.data,     b.x.data,     norms(a),        norms(b),           a.x.shape[0],
          b.x.shape[0], a.x.shape[1], pairing.measure, pair_scale(pairing)};
}

template <class Reduce>
void reduce_by_tiles(Cuda& cuda, const char* op, const PairRows& pairs, int64_t chunk, const Reduce& reduce) {
  const int64_t chunks = std::max<int64_t>(1, (pairs.columns + chunk - 1) / chunk);
  launch(cuda, op, reduce_pairs_kernel<Reduce>,
         {.blocks = dim3(unsigned((pairs.rows + kPairTile - 1) / kPairTile), unsigned(chunks)),
          .threads = dim3(kPairThreads)},
         pairs, chunk, reduce);
}
template <class Reduce>
void reduce_plainly(Cuda& cuda, const char* op, const PairRows& pairs, int64_t chunk, const Reduce& reduce) {
  const int64_t chunks = std::max<int64_t>(1, (pairs.columns + chunk - 1) / chunk);
  const auto kernel = plain_pairs_kernel<Reduce>;
  const int64_t blocks =
      std::min((pairs.rows * chunks + kPairThreads - 1) / kPairThreads, resident_blocks(cuda, kernel, kPairThreads));
  launch(cuda, op, kernel, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kPairThreads)}, pairs, chunk, chunks,
         reduce);
}

// By tiles where those have won at the gate, which is held on a part of the first large call. Both ways have the same
// bits: tolerance 0.
template <class Reduce>
void reduce_pairs(Cuda& cuda, const char* op, const PairRows& pairs, int64_t chunk, const Reduce& reduce) {
  constexpr int64_t kRows = 16384, kColumns = kPairChunk;  // on trial: enough to fill a GPU
  constexpr int64_t kSmall = 1 << 20;                      // pairs: of fewer, a trial costs more than it can save
  const std::string key = "pairwise " + reduce.of() + " " + std::string(word_of(pairs.measure)) + " [*," +
                          std::to_string(pairs.width) + "] f64";
  const bool due = pairs.rows * pairs.columns >= kSmall && contest_due(cuda, key);
  bool tiles = cuda.gate().known(key) == "tiles";
  if (due) {
    const Arena::Unmeasured trial(cuda.scratch());
    const Arena::Frame frame(cuda.scratch());
    PairRows part = pairs;
    part.rows = std::min(pairs.rows, kRows), part.columns = std::min(pairs.columns, kColumns);
    std::vector<Contested> out;
    const Reduce on_part = reduce.on_trial(cuda.scratch(), part.rows, 1, out);
    tiles = choose_way(cuda, key,
                       {{"plain", [&] { reduce_plainly(cuda, op, part, kColumns, on_part); }},
                        {"tiles", [&] { reduce_by_tiles(cuda, op, part, kColumns, on_part); }}},
                       out, 0) == 1;
  }
  if (tiles)
    reduce_by_tiles(cuda, op, pairs, chunk, reduce);
  else
    reduce_plainly(cuda, op, pairs, chunk, reduce);
}

// gain += what the columns of b add, chunk by chunk.
void add_gains(Cuda& cuda, const char* op, View<double, 1> gain, const PairedRows& a, const PairedRows& b,
               View<const double, 1> current, View<const double, 1> weights, const Pairing& pairing) {
  constexpr int64_t kSums = 1 << 23;  // at a time
  const int64_t n = a.x.shape[0], chunks = pair_chunks(b.x.shape[0]);
  if (n == 0 || chunks == 0) return;
  const int64_t most = std::max<int64_t>(kPairTile, kSums / chunks / kPairTile * kPairTile);
  for (int64_t begin = 0; begin < n; begin += most) {
    const Arena::Frame frame(cuda.scratch());
    const auto rows = a.slice(begin, std::min(n, begin + most));
    double* sums = cuda.scratch().take<double>({chunks, rows.x.shape[0]}, "sums of chunks").data;
    reduce_pairs(cuda, op, pair_rows(cuda, rows, b, pairing), kPairChunk,
                 GainOfChunk{current.data, weights.data, sums, rows.x.shape[0]});
    for_each(cuda, op, rows.x.shape[0], AddChunks{gain.data + begin, sums, chunks, rows.x.shape[0]});
  }
}

}  // namespace

void pairwise_norms(Cuda& cuda, View<double, 1> squared, View<const float, 2> x) {
  check_shape("pairwise_norms", squared, {x.shape[0]});
  for_each(cuda, "pairwise_norms", x.shape[0], SquaredNorm{squared.data, x.data, x.shape[1]});
}

void pairwise_least(Cuda& cuda, View<double, 2> values, View<int64_t, 2> places, PairedRows a, PairedRows b,
                    Pairing pairing) {
  check_least(values, places, a, b, pairing);
  const Arena::Frame frame(cuda.scratch());
  const int64_t all = std::max<int64_t>(1, b.x.shape[0]);
  reduce_pairs(cuda, "pairwise_least", pair_rows(cuda, a, b, pairing), all,
               LeastOfRow{values.data, places.data, values.shape[1]});
}

void pairwise_most(Cuda& cuda, View<double, 1> most, PairedRows a, PairedRows b, Pairing pairing) {
  check_pairs("pairwise_most", a, b, pairing);
  check_shape("pairwise_most", most, {a.x.shape[0]});
  const Arena::Frame frame(cuda.scratch());
  const int64_t all = std::max<int64_t>(1, b.x.shape[0]);
  reduce_pairs(cuda, "pairwise_most", pair_rows(cuda, a, b, pairing), all, MostOfRow{most.data});
}

void pairwise_gain(Cuda& cuda, View<double, 1> gain, PairedRows a, PairedRows b, View<const double, 1> current,
                   View<const double, 1> weights, Pairing pairing) {
  check_gain(gain, a, b, current, weights, pairing);
  for_each(cuda, "pairwise_gain", gain.size(), Clear{gain.data});
  add_gains(cuda, "pairwise_gain", gain, a, b, current, weights, pairing);
}

void pairwise_gain_sums(Cuda& cuda, View<double, 2> sums, PairedRows a, PairedRows b, View<const double, 1> current,
                        View<const double, 1> weights, Pairing pairing) {
  check_gain_sums(sums, a, b, current, weights, pairing);
  for_each(cuda, "pairwise_gain_sums", sums.size(), Clear{sums.data});
  for (int64_t chunk = 0; chunk < sums.shape[0]; ++chunk) {
    const int64_t begin = chunk * kPairChunk, end = std::min(b.x.shape[0], begin + kPairChunk), n = a.x.shape[0];
    const View<double, 1> own{sums.data + chunk * n, {n}, sums.device, sums.name};
    add_gains(cuda, "pairwise_gain_sums", own, a, b.slice(begin, end), current.slice(begin, end),
              weights.slice(begin, end), pairing);
  }
}

void pairwise_gain_square(Cuda& cuda, View<double, 1> gain, PairedRows a, View<const double, 1> current,
                          View<const double, 1> weights, Pairing pairing, PairRange range) {
  check_gain_square(gain, a, current, weights, pairing, range);
  const auto [begin, end] = range;
  const int64_t n = a.x.shape[0];
  const char* op = "pairwise_gain_square";
  if (begin == 0) for_each(cuda, op, n, Clear{gain.data});
  add_gains(cuda, op, gain.slice(begin, end), a.slice(begin, end), a.slice(begin, n), current.slice(begin, n),
            weights.slice(begin, n), pairing);
  add_gains(cuda, op, gain.slice(end, n), a.slice(end, n), a.slice(begin, end), current.slice(begin, end),
            weights.slice(begin, end), pairing);
}

}  // namespace crc
