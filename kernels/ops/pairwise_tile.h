// Rows against rows, measured pair by pair and reduced on the fly: what would be an array [N,K] is never stored. Of
// rows a_i of a [N,D] and b_j of b [K,D]:
//   squared     |a_i - b_j|^2 = max(0, (|a_i|^2 + |b_j|^2) - 2 <a_i,b_j>)
//   cosine      1 - <a_i,b_j> / (|a_i| |b_j|), in [0,2]; 1 where a row is zero
//   similarity  1 - cosine / 2, in [0,1]
//   rbf         exp(-squared / radius^2)
//   top_hat     1 if squared < radius^2, else 0: the open ball
// The last three are multiples of 2^-32: sums of up to 2^20 of them and of their differences are exact, so that what
// ties in the equations, as two items that cover each other and nothing else, ties in numbers.
// pairwise_norms: squared [N], |x_i|^2 as a chain over d, the same bits as where an op computes it.
// pairwise_least: values [N,k] and places [N,k], the k smallest of row i, ascending, of equal ones the lower j first;
// k in [1,64]; where K < k the rest is infinity and -1. k = 1: the nearest.
// pairwise_most: most[i] = max(most[i], max_j m_ij), most [N].
// pairwise_gain: gain[i] = sum_j weights[j] max(0, m_ij - current[j]), gain [N], current and weights [K], weights >= 0:
// what a_i would add to the coverage of b. With current = 0 and weights = 1: sums, and counts within a radius. No term
// and no sum grows when current[j] does, rounding included: gains of earlier are upper bounds (lazy greedy).
// pairwise_gain_sums: sums [pair_chunks(K),N], what each kPairChunk columns add; their sum in order is pairwise_gain, bit
// for bit, so that whoever holds some of the columns, from a multiple of kPairChunk on, can add its own.
// pairwise_gain_square: pairwise_gain of all rows against all rows, in steps: a range [begin,end) of rows, begin a
// multiple of kPairChunk, adds what the pairs (i,j) with begin <= min(i,j) < end contribute, after begin = 0 has cleared
// the gains. Once ascending ranges have covered [0,N), the gains are those of pairwise_gain, bit for bit. On the CPU half
// of the products.
// Products of two fp32 numbers are exact in fp64. <a_i,b_j> is a chain over d; a gain is four chains over j mod 4 in
// each kPairChunk columns, joined in pairs, and those sums in order: the same bits on every device and for any number
// of threads, m(a,b) = m(b,a), and copies are at distance exactly 0. Class: exact against those sums. On a GPU by tiles
// in shared memory where these win at the gate (kernels/core/gate.h), else a thread for each row.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/core/choice.h"
#include "kernels/core/op.h"

namespace crc {

CRC_CHOICE(Measure, squared, cosine, similarity, rbf, top_hat)

struct Pairing {
  Measure measure = Measure::squared;
  double radius = 1;  // of rbf and top_hat, positive or infinite
};

inline constexpr int64_t kPairChunk = 768;  // columns; a multiple of the CPU's 24, of CUDA's 64 and of the 4 chains
constexpr int64_t pair_chunks(int64_t columns) { return (columns + kPairChunk - 1) / kPairChunk; }

// Rows to compare, with their squared norms (pairwise_norms) where many calls use them.
struct PairedRows {
  View<const float, 2> x;
  View<const double, 1> squared = {};  // [rows of x]; empty: computed by the call
  template <class Rows>
  requires(std::is_convertible_v<const Rows&, View<const float, 2>>) PairedRows(const Rows& rows) : x(rows) {}
  PairedRows(View<const float, 2> rows, View<const double, 1> norms) : x(rows), squared(norms) {}
  PairedRows slice(int64_t begin, int64_t end) const {
    return {x.slice(begin, end), squared.size() > 0 ? squared.slice(begin, end) : squared};
  }
};
inline void check_device(const char* op, Device device, const PairedRows& rows) {
  check_device(op, device, rows.x);
  check_device(op, device, rows.squared);
}

struct PairRange {
  int64_t begin = 0, end = 0;
};

inline constexpr int64_t kMostLeast = 64;  // k of pairwise_least

// exp(-x), x >= 0, by additions and products alone: libraries differ in last bits. Relative error below 2^-51; 0 from
// x = 708 on.
CRC_HD double exp_minus(double x) {
  const double t = x < 708 ? x : 708;
  const double shifted = t * -1.4426950408889634 + 0x1.8p52;  // its low bits hold n = round(-t / ln 2)
  const double n = shifted - 0x1.8p52;
  const double r = (-t - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;  // ln 2 = high + low, n high is exact
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  int64_t bits;
  memcpy(&bits, &shifted, 8);
  bits = int64_t((uint64_t(bits) << 52) + (uint64_t(1023) << 52));  // 2^n
  double power;
  memcpy(&power, &bits, 8);
  return x < 708 ? p * power : 0;
}

// To the nearest multiple of 2^-32; |x| < 2^18.
CRC_HD double in_steps(double x) { return (x + 0x1.8p20) - 0x1.8p20; }

// m_ij of an inner product and the rows' squared norms.
template <Measure measure> CRC_HD double measured(double inner, double a2, double b2, double scale) {
  if constexpr (measure == Measure::cosine || measure == Measure::similarity) {
    const double product = a2 * b2, cosine = product > 0 ? inner / std::sqrt(product) : 0;
    return measure == Measure::cosine ? 1 - cosine : in_steps(0.5 + 0.5 * cosine);
  } else {
    const double difference = (a2 + b2) - 2 * inner, squared = difference > 0 ? difference : 0;
    if constexpr (measure == Measure::rbf) return in_steps(exp_minus(squared * scale));
    if constexpr (measure == Measure::top_hat) return squared < scale ? 1 : 0;
    return squared;
  }
}
// The scale that `measured` takes.
inline double pair_scale(const Pairing& pairing) {
  const double square = pairing.radius * pairing.radius;
  return pairing.measure == Measure::rbf ? 1 / square : square;
}

CRC_OP(void, pairwise_norms, (View<double, 1> squared, View<const float, 2> x))
CRC_OP(void, pairwise_least,
       (View<double, 2> values, View<int64_t, 2> places, PairedRows a, PairedRows b, Pairing pairing))
CRC_OP(void, pairwise_most, (View<double, 1> most, PairedRows a, PairedRows b, Pairing pairing))
CRC_OP(void, pairwise_gain,
       (View<double, 1> gain, PairedRows a, PairedRows b, View<const double, 1> current, View<const double, 1> weights,
        Pairing pairing))
CRC_OP(void, pairwise_gain_sums,
       (View<double, 2> sums, PairedRows a, PairedRows b, View<const double, 1> current, View<const double, 1> weights,
        Pairing pairing))
CRC_OP(void, pairwise_gain_square,
       (View<double, 1> gain, PairedRows a, View<const double, 1> current, View<const double, 1> weights,
        Pairing pairing, PairRange range))

// ---- what both backends share

struct SquaredNorm {
  double* squared;
  const float* x;
  int64_t width;
  CRC_HD void operator()(int64_t i) const {
    double total = 0;
    for (int64_t d = 0; d < width; ++d) total += double(x[i * width + d]) * double(x[i * width + d]);
    squared[i] = total;
  }
};

// The k smallest so far of one row, filled with infinity and -1.
struct LeastList {
  double* values;
  int64_t* places;
  int64_t count;
  CRC_HD void clear() const {
    for (int64_t s = 0; s < count; ++s) values[s] = INFINITY, places[s] = -1;
  }
  CRC_HD void offer(double value, int64_t place) const {
    if (!(value < values[count - 1])) return;
    int64_t s = count - 1;
    for (; s > 0 && value < values[s - 1]; --s) values[s] = values[s - 1], places[s] = places[s - 1];
    values[s] = value, places[s] = place;
  }
};

inline void check_pairs(const char* op, const PairedRows& a, const PairedRows& b, const Pairing& pairing) {
  check_shape(op, b.x, {-1, a.x.shape[1]});
  for (const PairedRows* rows : {&a, &b})
    if (rows->squared.size() > 0) check_shape(op, rows->squared, {rows->x.shape[0]});
  if (!(pairing.radius > 0)) fail_internal(std::string(op) + ": radius " + std::to_string(pairing.radius));
}
inline void check_least(View<double, 2> values, View<int64_t, 2> places, const PairedRows& a, const PairedRows& b,
                        const Pairing& pairing) {
  check_pairs("pairwise_least", a, b, pairing);
  check_shape("pairwise_least", values, {a.x.shape[0], -1});
  check_shape("pairwise_least", places, {a.x.shape[0], values.shape[1]});
  if (values.shape[1] < 1 || values.shape[1] > kMostLeast)
    fail_internal("pairwise_least: " + std::to_string(values.shape[1]) + " of 1 to 64 values");
}
inline void check_columns(const PairedRows& a, const PairedRows& b, View<const double, 1> current,
                          View<const double, 1> weights, const Pairing& pairing) {
  check_pairs("pairwise_gain", a, b, pairing);
  check_shape("pairwise_gain", current, {b.x.shape[0]});
  check_shape("pairwise_gain", weights, {b.x.shape[0]});
}
inline void check_gain(View<double, 1> gain, const PairedRows& a, const PairedRows& b, View<const double, 1> current,
                       View<const double, 1> weights, const Pairing& pairing) {
  check_columns(a, b, current, weights, pairing);
  check_shape("pairwise_gain", gain, {a.x.shape[0]});
}
inline void check_gain_sums(View<double, 2> sums, const PairedRows& a, const PairedRows& b,
                            View<const double, 1> current, View<const double, 1> weights, const Pairing& pairing) {
  check_columns(a, b, current, weights, pairing);
  check_shape("pairwise_gain_sums", sums, {pair_chunks(b.x.shape[0]), a.x.shape[0]});
}

inline void check_gain_square(View<double, 1> gain, const PairedRows& a, View<const double, 1> current,
                              View<const double, 1> weights, const Pairing& pairing, PairRange range) {
  check_gain(gain, a, a, current, weights, pairing);
  const auto [begin, end] = range;
  if (begin < 0 || begin % kPairChunk != 0 || end < begin || end > a.x.shape[0] ||
      (end % kPairChunk != 0 && end != a.x.shape[0]))
    fail_internal("pairwise_gain_square: rows " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
                  std::to_string(a.x.shape[0]));
}

}  // namespace crc
