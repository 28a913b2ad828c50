#include "kernels/cuda/launch.cuh"
#include "kernels/ops/pairwise_tile.h"

namespace crc {
namespace {

struct PairRows {
  const float *a, *b;
  const double *a2, *b2;
  int64_t columns, width;
  Measure measure;
  double scale;

  CRC_HD double operator()(int64_t i, int64_t j) const {
    const float *x = a + i * width, *y = b + j * width;
    double inner = 0;
    for (int64_t d = 0; d < width; ++d) inner += double(x[d]) * double(y[d]);
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

struct LeastOfRow {
  PairRows pairs;
  double* values;
  int64_t* places;
  int64_t count;
  CRC_HD void operator()(int64_t i) const {
    const LeastList list{values + i * count, places + i * count, count};
    list.clear();
    for (int64_t j = 0; j < pairs.columns; ++j) list.offer(pairs(i, j), j);
  }
};

struct MostOfRow {
  PairRows pairs;
  double* most;
  CRC_HD void operator()(int64_t i) const {
    double largest = most[i];
    for (int64_t j = 0; j < pairs.columns; ++j) {
      const double m = pairs(i, j);
      if (m > largest) largest = m;
    }
    most[i] = largest;
  }
};

// One sum of a row's chunk of columns: 4 chains.
struct GainOfChunk {
  PairRows pairs;
  const double *current, *weights;
  double* sums;  // [N, chunks]
  int64_t chunks;
  CRC_HD void operator()(int64_t place) const {
    const int64_t i = place / chunks, begin = place % chunks * kPairChunk;
    const int64_t end = begin + kPairChunk < pairs.columns ? begin + kPairChunk : pairs.columns;
    double chains[4] = {};
    for (int64_t j = begin; j < end; ++j) {
      const double more = pairs(i, j) - current[j];
      chains[j & 3] += (more > 0 ? more : 0) * weights[j];
    }
    sums[place] = (chains[0] + chains[1]) + (chains[2] + chains[3]);
  }
};

struct AddChunks {
  double* gain;
  const double* sums;
  int64_t chunks;
  CRC_HD void operator()(int64_t i) const {
    double total = 0;
    for (int64_t c = 0; c < chunks; ++c) total += sums[i * chunks + c];
    gain[i] = total;
  }
};

// Valid until the caller's frame ends.
PairRows pair_rows(Cuda& cuda, View<const float, 2> a, View<const float, 2> b, const Pairing& pairing) {
  const auto norms = [&](View<const float, 2> x) {
    double* squared = cuda.scratch().take<double>({x.shape[0]}, "squared norms").data;
    for_each(cuda, "squared norms", x.shape[0], SquaredNorm{squared, x.data, x.shape[1]});
    return squared;
  };
  return {a.data, b.data, norms(a), norms(b), b.shape[0], a.shape[1], pairing.measure, pair_scale(pairing)};
}

}  // namespace

void pairwise_least(Cuda& cuda, View<double, 2> values, View<int64_t, 2> places, View<const float, 2> a,
                    View<const float, 2> b, Pairing pairing) {
  check_least(values, places, a, b, pairing);
  const Arena::Frame frame(cuda.scratch());
  for_each(cuda, "pairwise_least", a.shape[0],
           LeastOfRow{pair_rows(cuda, a, b, pairing), values.data, places.data, values.shape[1]});
}

void pairwise_most(Cuda& cuda, View<double, 1> most, View<const float, 2> a, View<const float, 2> b, Pairing pairing) {
  check_pairs("pairwise_most", a, b, pairing);
  check_shape("pairwise_most", most, {a.shape[0]});
  const Arena::Frame frame(cuda.scratch());
  for_each(cuda, "pairwise_most", a.shape[0], MostOfRow{pair_rows(cuda, a, b, pairing), most.data});
}

void pairwise_gain(Cuda& cuda, View<double, 1> gain, View<const float, 2> a, View<const float, 2> b,
                   View<const double, 1> current, View<const double, 1> weights, Pairing pairing) {
  check_gain(gain, a, b, current, weights, pairing);
  const Arena::Frame frame(cuda.scratch());
  const int64_t n = a.shape[0], chunks = (b.shape[0] + kPairChunk - 1) / kPairChunk;
  double* sums = cuda.scratch().take<double>({n, chunks}, "sums of chunks").data;
  for_each(cuda, "pairwise_gain", n * chunks,
           GainOfChunk{pair_rows(cuda, a, b, pairing), current.data, weights.data, sums, chunks});
  for_each(cuda, "pairwise_gain", n, AddChunks{gain.data, sums, chunks});
}

}  // namespace crc
