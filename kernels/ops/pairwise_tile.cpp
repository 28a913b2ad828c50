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
  of_measure(pairing.measure,
             [&]<Measure measure>() { gain_of_square<measure>(cpu, gain, p, coverage, range.begin, range.end); });
}

}  // namespace crc
