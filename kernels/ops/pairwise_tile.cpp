#include "kernels/ops/pairwise_tile.h"

#include "kernels/cpu/pairwise_sweep.h"

namespace crc {
namespace {

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

// chains [24] += weight max(0, m - current)
void add_above_narrow(double* chains, const double* m, double current, double weight) {
  for (int64_t c = 0; c < kWidePairs; c += kLanes) {
    const Lanes more = load(m + c) - all(current), zero{};
    store(chains + c, load(chains + c) + (more > zero ? more : zero) * all(weight));
  }
}
#if defined(__AVX2__) && defined(__FMA__)
CRC_LANES_OF_8 void add_above_wide(double* __restrict chains, const double* __restrict m, double current,
                                   double weight) {
  for (int64_t c = 0; c < kWidePairs; ++c) {
    const double more = m[c] - current;
    chains[c] += (more > 0 ? more : 0) * weight;
  }
}
#endif
void add_above(double* chains, const double* m, double current, double weight) {
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8) return add_above_wide(chains, m, current, weight);
#endif
  add_above_narrow(chains, m, current, weight);
}

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
    add_above(chains, m, current[i], weights[i]);
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
  const int64_t rows = p.a.shape[0], few = p.b.shape[0], chunks = sums.shape[0];
  // As many tasks as keep all threads at work to the end; rows are packed anew for each.
  const int64_t pieces =
                    std::clamp<int64_t>(8 * cpu.threads() / std::max<int64_t>(1, chunks), 1, few / kWideScreen + 1),
                piece = (few + pieces - 1) / pieces, wide = (piece + kWideScreen - 1) / kWideScreen * kWideScreen,
                across = wide > 0 ? (few + wide - 1) / wide : 0;
  const PairMemory memory(cpu, rows, p.a.shape[1], measure);
  const auto chain_memory = ColumnChains::memory(cpu, wide);
  for_tasks(cpu, chunks * across, [&](int64_t task) {
    const int64_t begin = task / across * kPairChunk, first = task % across * wide, last = std::min(few, first + wide);
    ColumnChains chains(chain_memory, first, last);
    sweep_tile<measure>(p, memory, begin, std::min(rows, begin + kPairChunk), first, last,
                        [&](int64_t i, int64_t j, int64_t, const double* m) { chains.take(coverage, i, j, m); });
    chains.joined([&](int64_t j, double sum) { sums(task / across, j) = sum; });
  });
}

// All pairs of some chunks of rows with themselves and with those after them, each measured once and added to both gains.
// Tiles may come in any order: what they add up to waits for its turn.
class GainOfSquare {
 public:
  static constexpr int64_t kAtOnce = 4;  // chunks of rows

  GainOfSquare(Cpu& cpu, const Pairs& p, const Coverage& coverage, Measure measure)
      : cpu_(cpu),
        p_(p),
        coverage_(coverage),
        n_(p.a.shape[0]),
        chunks_(pair_chunks(n_)),
        memory_(cpu, n_, p.a.shape[1], measure),
        row_chains_(cpu.scratch().take<double>({cpu.threads(), kPairChunk * kLanes}, "chains of rows")),
        chain_memory_(ColumnChains::memory(cpu, kPairChunk)),
        of_rows_(cpu.scratch().take<double>({kAtOnce, chunks_, kPairChunk}, "sums of rows")),
        of_columns_(cpu.scratch().take<double>({kAtOnce, chunks_, kPairChunk}, "sums of columns")) {}

  // The chunks [begin,end), kAtOnce at most.
  template <Measure measure> void add(View<double, 1> gain, int64_t begin, int64_t end) {
    std::vector<std::pair<int64_t, int64_t>> tiles;
    for (int64_t own = begin; own < end; ++own)
      for (int64_t other = own; other < chunks_; ++other) tiles.emplace_back(own, other);
    for_tasks(cpu_, int64_t(tiles.size()), [&](int64_t tile) {
      const auto [own, other] = tiles[size_t(tile)];
      meet<measure>(own, other, own - begin);
    });
    for (int64_t own = begin; own < end; ++own)
      for (int64_t other = own; other < chunks_; ++other) {
        for (int64_t i = 0; i < size(own); ++i) gain[own * kPairChunk + i] += of_rows_(own - begin, other, i);
        if (other == own) continue;
        for (int64_t j = 0; j < size(other); ++j) gain[other * kPairChunk + j] += of_columns_(own - begin, other, j);
      }
  }

 private:
  int64_t size(int64_t chunk) const { return std::min(kPairChunk, n_ - chunk * kPairChunk); }

  template <Measure measure> void meet(int64_t own, int64_t other, int64_t place) {
    const int64_t top = own * kPairChunk, first = other * kPairChunk, last = first + size(other);
    double* rows = &row_chains_(omp_get_thread_num(), 0);
    std::fill_n(rows, kPairChunk * kLanes, 0.0);
    ColumnChains columns(chain_memory_, first, last);
    sweep_tile<measure>(p_, memory_, top, top + size(own), first, last,
                        [&](int64_t i, int64_t j, int64_t, const double* m) {
                          double* chain = rows + (i - top) * kLanes;
                          store(chain, coverage_.along_row(load(chain), j, m));
                          if (other != own) columns.take(coverage_, i, j, m);
                        });
    for (int64_t i = 0; i < size(own); ++i) of_rows_(place, other, i) = joined(load(rows + i * kLanes));
    if (other != own) columns.joined([&](int64_t j, double sum) { of_columns_(place, other, j - first) = sum; });
  }

  Cpu& cpu_;
  const Pairs& p_;
  const Coverage& coverage_;
  int64_t n_, chunks_;
  PairMemory memory_;
  View<double, 2> row_chains_, chain_memory_;
  View<double, 3> of_rows_, of_columns_;  // [chunk of rows, chunk of columns, row or column]
};

}  // namespace

void pairwise_norms(Cpu& cpu, View<double, 1> squared, View<const float, 2> x) {
  check_shape("pairwise_norms", squared, {x.shape[0]});
  constexpr int64_t kGrain = 256;  // rows of hundreds of features
  const SquaredNorm norm{squared.data, x.data, x.shape[1]};
  for_chunks(cpu, x.shape[0], kGrain, [&](int64_t, int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      const float *r0 = &x(i, 0), *r1 = &x(i + 1, 0), *r2 = &x(i + 2, 0), *r3 = &x(i + 3, 0);
      Lanes sum{};
      for (int64_t d = 0; d < norm.width; ++d) {
        const Lanes at{double(r0[d]), double(r1[d]), double(r2[d]), double(r3[d])};
        sum = fused(at, at, sum);
      }
      store(squared.data + i, sum);
    }
    for (; i < end; ++i) norm(i);
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
  GainOfSquare square(cpu, p, coverage, pairing.measure);
  const int64_t end = pair_chunks(range.end);
  of_measure(pairing.measure, [&]<Measure measure>() {
    for (int64_t own = range.begin / kPairChunk; own < end; own += square.kAtOnce)
      square.add<measure>(gain, own, std::min(end, own + square.kAtOnce));
  });
}

}  // namespace crc
