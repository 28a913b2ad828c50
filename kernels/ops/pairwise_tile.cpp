#include "kernels/ops/pairwise_tile.h"

#include <omp.h>

#include "kernels/cpu/ball_screen.h"
#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

constexpr int64_t kMostRows = 96;         // that share a panel of b
constexpr int64_t kRowBytes = 256 << 10;  // of them, as doubles: half of an L2 cache
constexpr int64_t kInPlace = 3;           // columns that are not worth packing
static_assert(kPairChunk % kWideScreen == 0 && kMostRows % kDownPairs == 0);

struct Pairs {
  View<const float, 2> a, b;
  const double *a2, *b2;  // squared norms
  double scale;
};

// The same chains, four rows of a against one of b, in place: packing would cost more than the products.
void multiply_row(double* out, const float* const (&x)[kDownPairs], const float* y, int64_t depth) {
  Lanes sum{};
  for (int64_t d = 0; d < depth; ++d)
    sum = fused(Lanes{double(x[0][d]), double(x[1][d]), double(x[2][d]), double(x[3][d])}, all(double(y[d])), sum);
  store(out, sum);
}

// For a few columns, as when the centres of k-means++ come one by one.
template <Measure measure, class Reduce> void sweep_in_place(Cpu& cpu, const Pairs& p, const Reduce& reduce) {
  const int64_t k = p.b.shape[0], depth = p.a.shape[1];
  for_chunks(cpu, p.a.shape[0], kMostRows, [&](int64_t, int64_t begin, int64_t end) {
    Reduce local = reduce;
    local.start(begin, end);
    for (int64_t i = begin; i < end; i += kDownPairs) {
      const float* rows[kDownPairs];
      for (int64_t r = 0; r < kDownPairs; ++r) rows[r] = p.a.data + std::min(i + r, end - 1) * depth;
      double tile[kDownPairs][kWidePairs] = {};
      for (int64_t j = 0; j < k; ++j) {
        double inner[kDownPairs];
        multiply_row(inner, rows, p.b.data + j * depth, depth);
        for (int64_t r = 0; r < std::min(kDownPairs, end - i); ++r)
          tile[r][j] = measured<measure>(inner[r], p.a2[i + r], p.b2[j], p.scale);
      }
      for (int64_t r = 0; r < std::min(kDownPairs, end - i); ++r) local.take(i + r, i + r - begin, 0, k, tile[r]);
    }
    local.finish(begin, end);
  });
}

// Packed rows of one thread: a block of a and a panel of b, and the same in fp32 for top_hat.
struct PairMemory {
  View<double, 2> memory;
  View<float, 2> screen;
  int64_t block;

  // Blocks of `rows` rows, so many that all threads of the CPU have one.
  PairMemory(Cpu& cpu, int64_t rows, int64_t depth, Measure measure) {
    const int64_t fit = kRowBytes / (8 * std::max<int64_t>(1, depth)),
                  share = (rows + cpu.threads() - 1) / cpu.threads();
    block = std::clamp(std::min(fit, share) / kDownPairs * kDownPairs, kDownPairs, kMostRows);
    memory = cpu.scratch().take<double>({cpu.threads(), (block + kWidePairs) * depth + kWidePairs}, "tiles of rows");
    if (measure == Measure::top_hat)
      screen = cpu.scratch().take<float>({cpu.threads(), (block + kWideScreen) * depth}, "tiles of rows in fp32");
  }
};

constexpr double kNone[kWidePairs] = {};  // a row of a tile all outside: what sums may leave out

// sweep_tile of top_hat: only four rows against 24 of which a pair is in doubt are multiplied in fp64.
template <class Take> class BallSweep {
 public:
  BallSweep(const Pairs& p, const PairMemory& pairs, Take& take)
      : p_(p),
        take_(take),
        depth_(p.a.shape[1]),
        ball_(p.scale, depth_),
        exact_panel_(&pairs.memory(omp_get_thread_num(), 0)),
        exact_rows_(exact_panel_ + kWidePairs * depth_),
        panel_(depth_ > 0 ? &pairs.screen(omp_get_thread_num(), 0) : nullptr),
        rows_(panel_ + kWideScreen * depth_) {}

  void rows(int64_t begin, int64_t end) {
    begin_ = begin, end_ = end, exact_ = 0;
    for (int64_t i = begin; i < end; i += kDownPairs)
      pack_floats<kDownPairs>(rows_ + (i - begin) * depth_, depth_, end - i,
                              [&](int64_t r) { return p_.a.data + (i + r) * depth_; });
    std::fill_n(of_rows_, kMostRows, Band{});
    for (int64_t i = begin; i < end; ++i) of_rows_[i - begin] = ball_.row(p_.a2[i]);
  }
  void columns(int64_t first, int64_t last) {
    first_ = first, last_ = last;
    pack_floats<kWideScreen>(panel_, depth_, last - first, [&](int64_t r) { return p_.b.data + (first + r) * depth_; });
    for (int64_t c = 0; c < kWideScreen; ++c) {
      const Band band = first + c < last ? ball_.column(p_.b2[first + c]) : Band{};
      low_[c] = band.low, high_[c] = band.high;
    }
    std::fill_n(tile_, kMostRows * kWideScreen, 0.f);
    for (int64_t d = 0; d < depth_; d += kDeepPairs)
      for (int64_t i = 0; i < end_ - begin_; i += kDownPairs)
        add_float_products(tile_ + i * kWideScreen, rows_ + i * depth_ + d * kDownPairs, panel_ + d * kWideScreen,
                           std::min(kDeepPairs, depth_ - d));
    uint64_t doubtful = 0;
    for (int64_t i = 0; i < end_ - begin_; ++i) {
      const Sides s = sides(tile_ + i * kWideScreen, of_rows_[i], low_, high_);
      inside_[i] = s.inside, doubt_[i] = ~(s.inside | s.outside) & kAll, doubtful |= doubt_[i];
    }
    for (int64_t at = 0; at < last - first; at += kWidePairs)
      if (doubtful >> at & kHalf) settle(at);
    for (int64_t i = 0; i < end_ - begin_; ++i)
      for (int64_t at = 0; at < last - first; at += kWidePairs) {
        const uint64_t bits = inside_[i] >> at & kHalf;
        double values[kWidePairs];
        if (bits != 0) spread(values, bits);
        take_(begin_ + i, first + at, std::min(kWidePairs, last - first - at), bits != 0 ? values : kNone);
      }
  }

 private:
  static constexpr uint64_t kHalf = (uint64_t(1) << kWidePairs) - 1, kAll = (uint64_t(1) << kWideScreen) - 1;

  // In fp64 those of a panel's columns [at,at+24) that are in doubt.
  void settle(int64_t at) {
    const int64_t columns = std::min(kWidePairs, last_ - first_ - at);
    pack_rows<kWidePairs>(exact_panel_, depth_, columns,
                          [&](int64_t r) { return p_.b.data + (first_ + at + r) * depth_; });
    for (int64_t i = 0; i < end_ - begin_; i += kDownPairs) {
      const int64_t rows = std::min(kDownPairs, end_ - begin_ - i);
      uint64_t doubtful = 0;
      for (int64_t r = 0; r < rows; ++r) doubtful |= doubt_[i + r];
      if (!(doubtful >> at & kHalf)) continue;
      if (const uint32_t own = uint32_t(1) << i / kDownPairs; !(exact_ & own)) {
        pack_rows<kDownPairs>(exact_rows_ + i * depth_, depth_, rows,
                              [&](int64_t r) { return p_.a.data + (begin_ + i + r) * depth_; });
        exact_ |= own;
      }
      double inner[kDownPairs * kWidePairs] = {};
      for (int64_t d = 0; d < depth_; d += kDeepPairs)
        add_products(inner, exact_rows_ + i * depth_ + d * kDownPairs, exact_panel_ + d * kWidePairs,
                     std::min(kDeepPairs, depth_ - d));
      for (int64_t r = 0; r < rows; ++r) {
        inside_[i + r] &= ~(kHalf << at);
        for (int64_t c = 0; c < columns; ++c)
          inside_[i + r] |= uint64_t(measured<Measure::top_hat>(inner[r * kWidePairs + c], p_.a2[begin_ + i + r],
                                                                p_.b2[first_ + at + c], p_.scale))
                            << (at + c);
      }
    }
  }

  const Pairs& p_;
  Take& take_;
  int64_t depth_;
  Ball ball_;
  double *exact_panel_, *exact_rows_;
  float *panel_, *rows_;
  int64_t begin_ = 0, end_ = 0, first_ = 0, last_ = 0;  // of a and of b
  uint32_t exact_ = 0;                                  // fours of rows that are packed as doubles
  Band of_rows_[kMostRows];
  float low_[kWideScreen], high_[kWideScreen], tile_[kMostRows * kWideScreen];
  uint64_t inside_[kMostRows], doubt_[kMostRows];
};

// take(row of a, first column, how many, values) for the rows [begin,end) and every 24 of the columns [first,last): of a
// row, columns in order; of a column, rows in order.
template <Measure measure, class Take>
void sweep_tile(const Pairs& p, const PairMemory& pairs, int64_t begin, int64_t end, int64_t first, int64_t last,
                Take&& take) {
  if constexpr (measure == Measure::top_hat) {
    BallSweep<Take> ball(p, pairs, take);
    for (int64_t top = begin; top < end; top += pairs.block) {
      ball.rows(top, std::min(end, top + pairs.block));
      for (int64_t j = first; j < last; j += kWideScreen) ball.columns(j, std::min(last, j + kWideScreen));
    }
    return;
  }
  const int64_t depth = p.a.shape[1];
  double* panel = &pairs.memory(omp_get_thread_num(), 0);
  double *b2 = panel + kWidePairs * depth, *rows = b2 + kWidePairs;
  for (int64_t top = begin; top < end; top += pairs.block) {
    const int64_t bottom = std::min(end, top + pairs.block);
    for (int64_t i = top; i < bottom; i += kDownPairs)
      pack_rows<kDownPairs>(rows + (i - top) * depth, depth, bottom - i, [&](int64_t r) { return &p.a(i + r, 0); });
    for (int64_t j = first; j < last; j += kWidePairs) {
      pack_rows<kWidePairs>(panel, depth, last - j, [&](int64_t r) { return &p.b(j + r, 0); });
      const int64_t columns = std::min(kWidePairs, last - j);
      for (int64_t c = 0; c < kWidePairs; ++c) b2[c] = c < columns ? p.b2[j + c] : 0;
      double tile[kMostRows * kWidePairs] = {};
      for (int64_t d = 0; d < depth; d += kDeepPairs)
        for (int64_t i = 0; i < bottom - top; i += kDownPairs)
          add_products(tile + i * kWidePairs, rows + i * depth + d * kDownPairs, panel + d * kWidePairs,
                       std::min(kDeepPairs, depth - d));
      for (int64_t i = top; i < bottom; ++i) {
        double* values = tile + (i - top) * kWidePairs;
        for (int64_t c = 0; c < kWidePairs; ++c) values[c] = measured<measure>(values[c], p.a2[i], b2[c], p.scale);
        take(i, j, columns, values);
      }
    }
  }
}

// reduce.take as of sweep_tile, with the row's place in its block; start(rows begin, end) before and finish(begin, end)
// after. `Reduce` is copied for every block of rows.
template <Measure measure, class Reduce> void sweep(Cpu& cpu, const Pairs& p, const Reduce& reduce) {
  const int64_t n = p.a.shape[0], k = p.b.shape[0];
  if (k > 0 && k <= kInPlace) return sweep_in_place<measure>(cpu, p, reduce);
  const Arena::Frame frame(cpu.scratch());
  const PairMemory memory(cpu, n, p.a.shape[1], measure);
  for_chunks(cpu, n, memory.block, [&](int64_t, int64_t begin, int64_t end) {
    Reduce local = reduce;
    local.start(begin, end);
    sweep_tile<measure>(p, memory, begin, end, 0, k, [&](int64_t i, int64_t j, int64_t columns, const double* m) {
      local.take(i, i - begin, j, columns, m);
    });
    local.finish(begin, end);
  });
}

// f.template operator()<measure>()
template <class F> void of_measure(Measure measure, F&& f) {
  switch (measure) {
    case Measure::squared:
      return f.template operator()<Measure::squared>();
    case Measure::cosine:
      return f.template operator()<Measure::cosine>();
    case Measure::similarity:
      return f.template operator()<Measure::similarity>();
    case Measure::rbf:
      return f.template operator()<Measure::rbf>();
    case Measure::top_hat:
      return f.template operator()<Measure::top_hat>();
  }
}

// Valid until the caller's frame ends.
Pairs make_pairs(Cpu& cpu, const PairedRows& a, const PairedRows& b, const Pairing& pairing) {
  const auto norms = [&](const PairedRows& rows) {
    if (rows.squared.size() > 0) return rows.squared.data;
    const auto squared = cpu.scratch().take<double>({rows.x.shape[0]}, "squared norms");
    pairwise_norms(cpu, squared, rows.x);
    return static_cast<const double*>(squared.data);
  };
  const double* a2 = norms(a);
  return {a.x, b.x, a2, a.x.data == b.x.data && a.x.shape[0] == b.x.shape[0] ? a2 : norms(b), pair_scale(pairing)};
}

template <class Reduce>
void reduce_pairs(Cpu& cpu, const PairedRows& a, const PairedRows& b, const Pairing& pairing, const Reduce& reduce) {
  const Arena::Frame frame(cpu.scratch());
  const Pairs p = make_pairs(cpu, a, b, pairing);
  of_measure(pairing.measure, [&]<Measure measure>() { sweep<measure>(cpu, p, reduce); });
}

struct ReduceLeast {
  View<double, 2> values;
  View<int64_t, 2> places;

  LeastList list(int64_t i) const { return {&values(i, 0), &places(i, 0), values.shape[1]}; }
  void start(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) list(i).clear();
  }
  void take(int64_t i, int64_t, int64_t j, int64_t columns, const double* m) {
    const LeastList row = list(i);
    double least = m[0];
    for (int64_t c = 1; c < columns; ++c) least = m[c] < least ? m[c] : least;
    if (!(least < row.values[row.count - 1])) return;
    for (int64_t c = 0; c < columns; ++c) row.offer(m[c], j + c);
  }
  void finish(int64_t, int64_t) {}
};

struct ReduceMost {
  View<double, 1> most;

  void start(int64_t, int64_t) {}
  void take(int64_t i, int64_t, int64_t, int64_t columns, const double* m) {
    double largest = most[i];
    for (int64_t c = 0; c < columns; ++c) largest = m[c] > largest ? m[c] : largest;
    most[i] = largest;
  }
  void finish(int64_t, int64_t) {}
};

// What a column is not covered yet and what it weighs, filled up to whole panels with infinity and 0.
struct Coverage {
  const double *current, *weights;
  bool leaves_out;  // rows of zeros: they add nothing to a coverage that is not negative

  Coverage(Cpu& cpu, View<const double, 1> current_, View<const double, 1> weights_) {
    const int64_t k = current_.shape[0], whole = (k + kWidePairs - 1) / kWidePairs * kWidePairs;
    double* filled = cpu.scratch().take<double>({2 * whole}, "current and weights").data;
    std::fill_n(std::copy_n(current_.data, k, filled), whole - k, INFINITY);
    std::fill_n(std::copy_n(weights_.data, k, filled + whole), whole - k, 0.0);
    current = filled, weights = filled + whole;
    leaves_out = std::all_of(current, current + whole, [](double c) { return c >= 0; }) &&
                 std::all_of(weights, weights + whole, [](double w) { return w < INFINITY; });
  }
  // The chain of a row plus 24 columns.
  Lanes along_row(Lanes chain, int64_t j, const double* m) const {
    if (m == kNone && leaves_out) return chain;
    for (int64_t c = 0; c < kWidePairs; c += kLanes)
      chain += above(load(m + c), load(current + j + c)) * load(weights + j + c);
    return chain;
  }
  // 24 columns as candidates: what row i of m adds to their chains.
  void along_columns(double* chains, int64_t i, const double* m) const {
    if (m == kNone && leaves_out) return;
    for (int64_t c = 0; c < kWidePairs; c += kLanes)
      store(chains + c, load(chains + c) + above(load(m + c), all(current[i])) * all(weights[i]));
  }
  static Lanes above(Lanes m, Lanes current) {
    const Lanes more = m - current, zero{};
    return more > zero ? more : zero;
  }
};

struct ReduceGain {
  View<double, 1> gain;
  Coverage coverage;
  Lanes chains[kMostRows];

  void start(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) gain[i] = 0, chains[i - begin] = Lanes{};
  }
  void take(int64_t i, int64_t r, int64_t j, int64_t, const double* m) {
    chains[r] = coverage.along_row(chains[r], j, m);
    if ((j + kWidePairs) % kPairChunk == 0) gain[i] += joined(chains[r]), chains[r] = Lanes{};
  }
  void finish(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) gain[i] += joined(chains[i - begin]);
  }
};

// Four chains of each of some columns, over the rows of one chunk.
class ColumnChains {
 public:
  ColumnChains(View<double, 2> memory, int64_t first, int64_t last)
      : chains_(&memory(omp_get_thread_num(), 0)), width_(memory.shape[1] / kLanes), first_(first), last_(last) {
    std::fill_n(chains_, kLanes * width_, 0.0);
  }
  // Room for the chains of `columns` columns, for every thread.
  static View<double, 2> memory(Cpu& cpu, int64_t columns) {
    return cpu.scratch().take<double>({cpu.threads(), kLanes * (columns + kWidePairs)}, "chains of columns");
  }
  void take(const Coverage& coverage, int64_t i, int64_t j, const double* m) {
    coverage.along_columns(chains_ + i % kLanes * width_ + j - first_, i, m);
  }
  // f(column, sum)
  template <class F> void joined(F&& f) const {
    for (int64_t j = 0; j < last_ - first_; ++j)
      f(first_ + j, (chains_[j] + chains_[width_ + j]) + (chains_[2 * width_ + j] + chains_[3 * width_ + j]));
  }

 private:
  double* chains_;
  int64_t width_, first_, last_;
};

// A few candidates against many rows: they are the columns, packed once for many, and the rows are read once.
// sums [chunks of rows, candidates].
template <Measure measure> void sums_of_few(Cpu& cpu, View<double, 2> sums, const Pairs& p, const Coverage& coverage) {
  const int64_t rows = p.a.shape[0], few = p.b.shape[0];
  const PairMemory memory(cpu, rows, p.a.shape[1], measure);
  const auto chain_memory = ColumnChains::memory(cpu, few);
  for_chunks(cpu, rows, kPairChunk, [&](int64_t chunk, int64_t begin, int64_t end) {
    ColumnChains chains(chain_memory, 0, few);
    sweep_tile<measure>(p, memory, begin, end, 0, few,
                        [&](int64_t i, int64_t j, int64_t, const double* m) { chains.take(coverage, i, j, m); });
    chains.joined([&](int64_t j, double sum) { sums(chunk, j) = sum; });
  });
}

// All pairs of a chunk of rows with itself and with those after it, each measured once and added to both gains.
template <Measure measure>
void gain_of_square(Cpu& cpu, View<double, 1> gain, const Pairs& p, const Coverage& coverage, int64_t begin,
                    int64_t end) {
  const int64_t n = p.a.shape[0], chunks = pair_chunks(n);
  const PairMemory memory(cpu, n, p.a.shape[1], measure);
  const auto row_chains = cpu.scratch().take<double>({cpu.threads(), kPairChunk * kLanes}, "chains of rows");
  const auto chain_memory = ColumnChains::memory(cpu, kPairChunk);
  const auto sums = cpu.scratch().take<double>({chunks, kPairChunk}, "sums of chunks");
  for (int64_t own = begin / kPairChunk; own * kPairChunk < end; ++own) {
    const int64_t top = own * kPairChunk, bottom = std::min(n, top + kPairChunk);
    for_chunks(cpu, chunks - own, 1, [&](int64_t step, int64_t, int64_t) {
      const int64_t other = own + step, first = other * kPairChunk, last = std::min(n, first + kPairChunk);
      double* rows = &row_chains(omp_get_thread_num(), 0);
      std::fill_n(rows, kPairChunk * kLanes, 0.0);
      ColumnChains columns(chain_memory, first, last);
      sweep_tile<measure>(p, memory, top, bottom, first, last, [&](int64_t i, int64_t j, int64_t, const double* m) {
        double* chain = rows + (i - top) * kLanes;
        store(chain, coverage.along_row(load(chain), j, m));
        if (other != own) columns.take(coverage, i, j, m);
      });
      for (int64_t i = 0; i < bottom - top; ++i) sums(other, i) = joined(load(rows + i * kLanes));
      if (other != own) columns.joined([&](int64_t j, double sum) { gain[j] += sum; });
    });
    for (int64_t other = own; other < chunks; ++other)
      for (int64_t i = top; i < bottom; ++i) gain[i] += sums(other, i - top);
  }
}

}  // namespace

void pairwise_norms(Cpu& cpu, View<double, 1> squared, View<const float, 2> x) {
  check_shape("pairwise_norms", squared, {x.shape[0]});
  constexpr int64_t kGrain = 256;  // rows of hundreds of features
  const SquaredNorm norm{squared.data, x.data, x.shape[1]};
  for_chunks(cpu, x.shape[0], kGrain, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) norm(i);
  });
}

void pairwise_least(Cpu& cpu, View<double, 2> values, View<int64_t, 2> places, PairedRows a, PairedRows b,
                    Pairing pairing) {
  check_least(values, places, a, b, pairing);
  reduce_pairs(cpu, a, b, pairing, ReduceLeast{values, places});
}

void pairwise_most(Cpu& cpu, View<double, 1> most, PairedRows a, PairedRows b, Pairing pairing) {
  check_pairs("pairwise_most", a, b, pairing);
  check_shape("pairwise_most", most, {a.x.shape[0]});
  reduce_pairs(cpu, a, b, pairing, ReduceMost{most});
}

void pairwise_gain(Cpu& cpu, View<double, 1> gain, PairedRows a, PairedRows b, View<const double, 1> current,
                   View<const double, 1> weights, Pairing pairing) {
  check_gain(gain, a, b, current, weights, pairing);
  const Arena::Frame frame(cpu.scratch());
  const Coverage coverage(cpu, current, weights);
  constexpr int64_t kFew = 512;  // their chains stay in a cache
  if (a.x.shape[0] > kFew || b.x.shape[0] < 8 * a.x.shape[0])
    return reduce_pairs(cpu, a, b, pairing, ReduceGain{gain, coverage, {}});
  const Pairs turned = make_pairs(cpu, b, a, pairing);  // m(a,b) = m(b,a)
  const auto sums = cpu.scratch().take<double>({pair_chunks(b.x.shape[0]), a.x.shape[0]}, "sums of chunks");
  of_measure(pairing.measure, [&]<Measure measure>() { sums_of_few<measure>(cpu, sums, turned, coverage); });
  for (int64_t j = 0; j < gain.size(); ++j) {
    gain[j] = 0;
    for (int64_t chunk = 0; chunk < sums.shape[0]; ++chunk) gain[j] += sums(chunk, j);
  }
}

void pairwise_gain_sums(Cpu& cpu, View<double, 2> sums, PairedRows a, PairedRows b, View<const double, 1> current,
                        View<const double, 1> weights, Pairing pairing) {
  check_gain_sums(sums, a, b, current, weights, pairing);
  const Arena::Frame frame(cpu.scratch());
  const Coverage coverage(cpu, current, weights);
  const Pairs turned = make_pairs(cpu, b, a, pairing);
  of_measure(pairing.measure, [&]<Measure measure>() { sums_of_few<measure>(cpu, sums, turned, coverage); });
}

void pairwise_gain_square(Cpu& cpu, View<double, 1> gain, PairedRows a, View<const double, 1> current,
                          View<const double, 1> weights, Pairing pairing, PairRange range) {
  check_gain_square(gain, a, current, weights, pairing, range);
  const Arena::Frame frame(cpu.scratch());
  const Coverage coverage(cpu, current, weights);
  const Pairs p = make_pairs(cpu, a, a, pairing);
  if (range.begin == 0) std::fill_n(gain.data, gain.size(), 0.0);
  of_measure(pairing.measure,
             [&]<Measure measure>() { gain_of_square<measure>(cpu, gain, p, coverage, range.begin, range.end); });
}

}  // namespace crc
