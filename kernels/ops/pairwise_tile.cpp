#include "kernels/ops/pairwise_tile.h"

#include <omp.h>

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/inner_products.h"

namespace crc {
namespace {

constexpr int64_t kMostRows = 96;         // that share a panel of b
constexpr int64_t kRowBytes = 256 << 10;  // of them, as doubles: half of an L2 cache
constexpr int64_t kInPlace = 3;           // columns that are not worth packing
static_assert(kPairChunk % kWidePairs == 0 && kMostRows % kDownPairs == 0);

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

// take(row of a, its place in the block, first column, how many, values) for every row and every 12 columns, columns in
// order; start(rows begin, end) before and finish(begin, end) after. `Reduce` is copied for every block of rows.
template <Measure measure, class Reduce> void sweep(Cpu& cpu, const Pairs& p, const Reduce& reduce) {
  const int64_t n = p.a.shape[0], k = p.b.shape[0], depth = p.a.shape[1];
  if (k > 0 && k <= kInPlace) return sweep_in_place<measure>(cpu, p, reduce);
  const int64_t fit = kRowBytes / (8 * std::max<int64_t>(1, depth)), share = (n + cpu.threads() - 1) / cpu.threads();
  const int64_t block = std::clamp(std::min(fit, share) / kDownPairs * kDownPairs, kDownPairs, kMostRows);
  const Arena::Frame frame(cpu.scratch());
  const auto memory =
      cpu.scratch().take<double>({cpu.threads(), (block + kWidePairs) * depth + kWidePairs}, "tiles of rows");
  for_chunks(cpu, n, block, [&](int64_t, int64_t begin, int64_t end) {
    double* panel = &memory(omp_get_thread_num(), 0);
    double *b2 = panel + kWidePairs * depth, *rows = b2 + kWidePairs;
    for (int64_t i = begin; i < end; i += kDownPairs)
      pack_rows<kDownPairs>(rows + (i - begin) * depth, depth, end - i, [&](int64_t r) { return &p.a(i + r, 0); });
    Reduce local = reduce;
    local.start(begin, end);
    for (int64_t j = 0; j < k; j += kWidePairs) {
      pack_rows<kWidePairs>(panel, depth, k - j, [&](int64_t r) { return &p.b(j + r, 0); });
      const int64_t columns = std::min(kWidePairs, k - j);
      for (int64_t c = 0; c < kWidePairs; ++c) b2[c] = c < columns ? p.b2[j + c] : 0;
      for (int64_t i = begin; i < end; i += kDownPairs) {
        double tile[kDownPairs * kWidePairs];
        multiply_pairs(tile, rows + (i - begin) * depth, panel, depth);
        for (int64_t r = 0; r < std::min(kDownPairs, end - i); ++r) {
          double* values = tile + r * kWidePairs;
          const double a2 = p.a2[i + r];
          for (int64_t c = 0; c < kWidePairs; ++c) values[c] = measured<measure>(values[c], a2, b2[c], p.scale);
          local.take(i + r, i + r - begin, j, columns, values);
        }
      }
    }
    local.finish(begin, end);
  });
}

template <class Reduce>
void reduce_pairs(Cpu& cpu, View<const float, 2> a, View<const float, 2> b, const Pairing& pairing,
                  const Reduce& reduce) {
  const Arena::Frame frame(cpu.scratch());
  const auto norms = [&](View<const float, 2> x) {
    double* squared = cpu.scratch().take<double>({x.shape[0]}, "squared norms").data;
    constexpr int64_t kGrain = 256;  // rows of hundreds of features
    const SquaredNorm norm{squared, x.data, x.shape[1]};
    for_chunks(cpu, x.shape[0], kGrain, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) norm(i);
    });
    return squared;
  };
  const Pairs p{a, b, norms(a), norms(b), pair_scale(pairing)};
  switch (pairing.measure) {
    case Measure::squared:
      return sweep<Measure::squared>(cpu, p, reduce);
    case Measure::cosine:
      return sweep<Measure::cosine>(cpu, p, reduce);
    case Measure::similarity:
      return sweep<Measure::similarity>(cpu, p, reduce);
    case Measure::rbf:
      return sweep<Measure::rbf>(cpu, p, reduce);
    case Measure::top_hat:
      return sweep<Measure::top_hat>(cpu, p, reduce);
  }
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

struct ReduceGain {
  View<double, 1> gain;
  const double *current, *weights;  // [K], filled up to whole panels with infinity and 0
  Lanes chains[kMostRows];

  void start(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) gain[i] = 0, chains[i - begin] = Lanes{};
  }
  void take(int64_t i, int64_t r, int64_t j, int64_t, const double* m) {
    Lanes sum = chains[r];
    const Lanes zero{};
    for (int64_t c = 0; c < kWidePairs; c += kLanes) {
      const Lanes more = load(m + c) - load(current + j + c);
      sum += (more > zero ? more : zero) * load(weights + j + c);
    }
    chains[r] = sum;
    if ((j + kWidePairs) % kPairChunk == 0) gain[i] += joined(sum), chains[r] = zero;
  }
  void finish(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) gain[i] += joined(chains[i - begin]);
  }
};

}  // namespace

void pairwise_least(Cpu& cpu, View<double, 2> values, View<int64_t, 2> places, View<const float, 2> a,
                    View<const float, 2> b, Pairing pairing) {
  check_least(values, places, a, b, pairing);
  reduce_pairs(cpu, a, b, pairing, ReduceLeast{values, places});
}

void pairwise_most(Cpu& cpu, View<double, 1> most, View<const float, 2> a, View<const float, 2> b, Pairing pairing) {
  check_pairs("pairwise_most", a, b, pairing);
  check_shape("pairwise_most", most, {a.shape[0]});
  reduce_pairs(cpu, a, b, pairing, ReduceMost{most});
}

void pairwise_gain(Cpu& cpu, View<double, 1> gain, View<const float, 2> a, View<const float, 2> b,
                   View<const double, 1> current, View<const double, 1> weights, Pairing pairing) {
  check_gain(gain, a, b, current, weights, pairing);
  const Arena::Frame frame(cpu.scratch());
  const int64_t k = b.shape[0], whole = (k + kWidePairs - 1) / kWidePairs * kWidePairs;
  double* filled = cpu.scratch().take<double>({2 * whole}, "current and weights").data;
  std::fill_n(std::copy_n(current.data, k, filled), whole - k, INFINITY);
  std::fill_n(std::copy_n(weights.data, k, filled + whole), whole - k, 0.0);
  reduce_pairs(cpu, a, b, pairing, ReduceGain{gain, filled, filled + whole, {}});
}

}  // namespace crc
