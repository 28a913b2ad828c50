// The search for one group's smallest eigenvalue (capacitance.h), by one team: a thread on the CPU, one to eight warps
// on CUDA.
//
// X(s), the capacitance matrix [G,G], and what its inertia says of the eigenvalues below s > 0:
//   primal    X = V_0 V_0^T - s I - sum_i s/(lambda_i - s) v_i v_i^T    count = #{lambda_i < s} + neg X
//   bordered  X = K_gg      - s I - sum_i 1/(lambda_i - s) v_i v_i^T    count = #{lambda_i < s} + neg X
//   dual      X = I + sum_i 1/(lambda_i - s) v_i v_i^T                  count = #{lambda_i < s} - neg X
// where v_i [G] is column i of the group's rows. X is monotone in s with derivative of size B(s): the vector of the
// crossing, X u = 0, is found by u <- X(s)^-1 B(s) u and the Rayleigh quotient of the vector that u stands for in the
// full space, an upper bound of the smallest eigenvalue. The pair converges cubically, as Rayleigh quotient iteration
// does, but to any eigenvalue; the counts bracket the smallest and end the search with a certificate.
#pragma once

#include <cmath>

#include "kernels/core/hd.h"
#include "kernels/ops/capacitance.h"

namespace crc {

// Arrays of one group, in the team's fast memory. Columns are filled up to a multiple of four, with zeros.
struct CapacitanceArrays {
  double *v, *w, *b, *t;  // columns v_i of the group's rows; [m] weights of X and of B; [m] inner products v_i . u
  double *a, *x, *l;      // [stride,stride] fixed part of X; X; column k of its factor in row k
  double *d, *u, *y, *z, *order;  // [stride] pivots; u; right-hand side and solution; scratch; place of pivot k
  int64_t group, stride, columns, padded;  // G; G filled up; m; m filled up
  bool by_rows;                            // v [stride,padded], else [padded,stride]

  static CRC_HD int64_t fill(int64_t n) { return (n + 3) / 4 * 4; }
  static CRC_HD int64_t doubles(int64_t stride, int64_t columns) {
    return fill(columns) * (stride + 3) + 3 * stride * stride + 5 * stride;
  }
  CRC_HD CapacitanceArrays(double* memory, int64_t group_, int64_t stride_, int64_t columns_, bool by_rows_)
      : group(group_), stride(stride_), columns(columns_), padded(fill(columns_)), by_rows(by_rows_) {
    v = memory, w = v + padded * stride, b = w + padded, t = b + padded;
    a = t + padded, x = a + stride * stride, l = x + stride * stride;
    d = l + stride * stride, u = d + stride, y = u + stride, z = y + stride, order = z + stride;
  }
  CRC_HD double& at(int64_t i, int64_t g) const { return v[by_rows ? g * padded + i : i * stride + g]; }
};

// What form() weighs the columns with: w = scale/(lambda - s), b = (by_lambda ? lambda : 1)/(lambda - s)^2.
struct CapacitanceWeights {
  double s, scale;
  bool by_lambda;
  CRC_HD double inverse_gap(double lambda) const {
    const double gap = lambda - s;
    return 1 / (gap == 0 ? -0x1p-52 * s : gap);  // at a pole: the side on which lambda counts as below s
  }
};

// Team: rank(), size(), sync(), pairs(n, m, f): f(i,j) for all i < n and j < m, and what takes the time, with the same
// order of summation on every team: sums over columns are four chains of fused multiply-adds, over i mod 4, joined as
// (0 + 1) + (2 + 3).
//   weigh(m, weights, lambda)   w and b of every column, 0 where filled up
//   accumulate(m)               x += sum_i w_i v_i v_i^T, lower triangle
//   project(m)                  t_i = v_i . u, four chains over g
//   apply(m, identity)          y = identity u + sum_i b_i t_i v_i
//   quotient(m)                 sum_i b_i t_i^2
//   rest(m, lambda, s, first)   sum_{i>=first} t_i^2/(lambda_i - s)
//   squares(m)                  sum_ig v_ig^2: four chains over i per row, rows in order
//   eliminate(m, l, row)        x[i,:] -= l_i row
template <class Team> class CapacitanceGroup {
 public:
  CRC_HD CapacitanceGroup(const Team& team, const CapacitanceArrays& arrays, Update update, const double* lambda)
      : team_(team), m_(arrays), update_(update), lambda_(lambda) {}

  // Adds the group's outer products of the columns at hand to the fixed part: V_0 V_0^T.
  CRC_HD void add_to_fixed() {
    each(m_.padded, [&](int64_t i) { m_.w[i] = 1; });
    each(m_.stride * m_.stride, [&](int64_t k) { m_.x[k] = m_.a[k]; });
    team_.accumulate(m_);
    each(m_.stride * m_.stride, [&](int64_t k) { m_.a[k] = m_.x[k]; });
  }

  // The eigenvalue; evaluations is negative where there is no certificate.
  CRC_HD double smallest(double floor, int32_t& evaluations) {
    constexpr int kMost = 100, kMostRefused = 4;
    constexpr double kMargin = 0.75 * kCertificate;  // of the lower count, so that both fit the certificate
    constexpr double kClosing = 1e-4;                // convergence is cubic: a further step of this size is below 1e-8
    constexpr double kFar = 0.02;                    // from here on the poles of X are worth following
    constexpr int kFirst = 4;                        // steps at the first shift, which cost less than another shift
    constexpr int kPatience = 12;                    // then every second shift halves the bracket
    evaluations = 0;
    double lo = 0, s = 0;
    double hi = update_ == Update::dual ? start_dual(lo) : start_primal();
    if (update_ == Update::dual) {
      s = crossing(lo);
      if (!(s > lo && s <= hi)) s = between(lo, hi, floor);
    }
    double mu = hi;
    for (int refused = 0; evaluations < kMost;) {
      if (hi <= floor) return 0;
      if (hi <= lo * (1 + kCertificate)) return mu < lo ? lo : mu > hi ? hi : mu;
      ++evaluations;
      const int64_t below = form(s);
      const int negatives = factor();
      if (negatives < 0) {  // too much growth to believe the inertia: take another shift nearby
        if (++refused > kMostRefused) break;
        s = s > 0 ? s * (1 - 0.1 * kCertificate * refused) : 0x1p-20 * hi;
        continue;
      }
      const int64_t count = update_ == Update::dual ? below - negatives : below + negatives;
      if (s > 0) {
        if (count >= 1)
          hi = s < hi ? s : hi;
        else
          lo = s > lo ? s : lo;
      }
      for (int k = evaluations == 1 && m_.group > 1 ? kFirst : 1; k > 0; --k) mu = improve(s);
      // How far the picture around s reaches: to the first pole, but no nearer than the certificate asks.
      const double step = fabs(mu - s);
      const double reach = m_.columns == 0 ? mu : fmin(mu, fmax(fabs(lambda_[0] - s), kCertificate * mu));
      double next = step <= kClosing * reach ? mu * (1 - kMargin) : step <= kFar * reach ? mu : crossing(s);
      if (mu > lo && mu < hi) hi = mu;
      const bool stalled =
          next == s || count > 1 || (step > kFar * reach && evaluations > kPatience && evaluations % 2 == 0);
      s = next > lo && next <= hi && !stalled ? next : between(lo, hi, floor);
    }
    evaluations = -evaluations;
    return mu;
  }

 private:
  template <class F> CRC_HD void each(int64_t n, const F& f) {
    for (int64_t i = team_.rank(); i < n; i += team_.size()) f(i);
    team_.sync();
  }

  // A shift inside the bracket; where nothing is known to be below hi, not far below it.
  static CRC_HD double between(double lo, double hi, double floor) {
    if (lo < floor) return hi < 4 * floor ? floor : 0.25 * hi;
    return hi > 4 * lo ? sqrt(lo) * sqrt(hi) : 0.5 * (lo + hi);
  }

  // An upper bound from unit vectors, and a first u.
  CRC_HD double start_primal() {
    double bound = m_.columns > 0 ? lambda_[0] : INFINITY;  // interlacing: more rows lower the smallest eigenvalue
    for (int64_t g = 0; g < m_.group; ++g) bound = fmin(bound, m_.a[g * m_.stride + g]);
    each(m_.stride, [&](int64_t g) { m_.u[g] = g < m_.group ? 1 : 0; });
    team_.project(m_);
    return bound;
  }
  CRC_HD double start_dual(double& lo) {
    lo = lambda_[0];
    // Interlacing: a rank-G update moves the smallest eigenvalue to lambda[G] at most.
    const int64_t G = m_.group;
    double bound = G < m_.columns ? lambda_[G] : INFINITY;
    int64_t best = 0;
    for (int64_t i = 0; i < m_.columns && i <= G; ++i) {
      double quotient = lambda_[i];
      for (int64_t g = 0; g < G; ++g) quotient = fma(m_.at(i, g), m_.at(i, g), quotient);
      if (quotient < bound) bound = quotient, best = i;
    }
    double largest = 0;
    for (int64_t g = 0; g < G; ++g) largest = fmax(largest, fabs(m_.at(best, g)));
    each(m_.stride, [&](int64_t g) { m_.u[g] = g >= G ? 0 : largest > 0 ? m_.at(best, g) / largest : 1; });
    team_.project(m_);
    for (int64_t g = 0; g < G; ++g) squared_ = fma(m_.u[g], m_.u[g], squared_);
    return bound;
  }

  // x = X(s) and the weights of B(s). Returns #{lambda_i < s}.
  CRC_HD int64_t form(double s) {
    const bool dual = update_ == Update::dual, primal = update_ == Update::primal;
    team_.weigh(m_, {s, dual ? 1 : primal ? -s : -1, primal}, lambda_);
    team_.pairs(m_.group, m_.stride, [&](int64_t i, int64_t j) {
      const double fixed = dual ? 0 : m_.a[i * m_.stride + j], diagonal = dual ? 1 : -s;
      m_.x[i * m_.stride + j] = i == j ? fixed + diagonal : fixed;
    });
    team_.accumulate(m_);
    int64_t below = 0;
    while (below < m_.columns && lambda_[below] <= s) ++below;
    return below;
  }

  // L D L^T of x with diagonal pivoting. Returns the number of negative pivots, -1 if entries grew too much.
  CRC_HD int factor() {
    constexpr double kGrowth = 1e6;  // loses 6 of 16 digits; the certificate needs 8
    const int64_t G = m_.group, stride = m_.stride;
    team_.pairs(G, stride, [&](int64_t i, int64_t j) {
      if (j > i) m_.x[i * stride + j] = j < G ? m_.x[j * stride + i] : 0;
    });
    double largest = 0;
    for (int64_t g = 0; g < G; ++g) largest = fmax(largest, fabs(m_.x[g * stride + g]));
    const double limit = kGrowth * largest;
    each(stride, [&](int64_t g) { m_.d[g] = 0; });  // a place without pivot yet
    int negatives = 0;
    bool grown = !(largest < INFINITY);
    for (int64_t k = 0; k < G; ++k) {
      int64_t p = -1;
      double pivot = 0;
      for (int64_t g = 0; g < G; ++g)
        if (m_.d[g] == 0 && (p < 0 || fabs(m_.x[g * stride + g]) > fabs(pivot))) p = g, pivot = m_.x[g * stride + g];
      grown = grown || !(fabs(pivot) <= limit);
      if (pivot == 0) pivot = largest > 0 ? 0x1p-100 * largest : 1;
      negatives += pivot < 0;
      team_.sync();
      const double* row = m_.x + p * stride;
      each(G, [&](int64_t i) { m_.l[k * stride + i] = i != p && m_.d[i] == 0 ? row[i] / pivot : 0; });
      team_.eliminate(m_, m_.l + k * stride, row);
      if (team_.rank() == 0) m_.d[p] = pivot, m_.order[k] = double(p);
      team_.sync();
    }
    return grown ? -1 : negatives;
  }

  // y <- X^-1 y.
  CRC_HD void solve() {
    const int64_t G = m_.group, stride = m_.stride;
    for (int64_t k = 0; k < G; ++k) {
      const double value = m_.y[int64_t(m_.order[k])];
      each(G, [&](int64_t i) {
        const double l = m_.l[k * stride + i];  // 0 at the pivot itself, which every rank is reading
        if (l != 0) m_.y[i] = fma(-l, value, m_.y[i]);
      });
    }
    each(G, [&](int64_t k) {
      const auto p = int64_t(m_.order[k]);
      m_.z[k] = m_.y[p] / m_.d[p];
    });
    for (int64_t k = G - 1; k >= 0; --k) {
      const auto p = int64_t(m_.order[k]);
      const double value = m_.z[k];
      each(k, [&](int64_t j) { m_.z[j] = fma(-m_.l[j * stride + p], value, m_.z[j]); });
      if (team_.rank() == 0) m_.y[p] = value;
    }
    team_.sync();
  }

  // One step of u at the shift s whose X is factored; returns the Rayleigh quotient.
  CRC_HD double improve(double s) {
    const int64_t G = m_.group;
    const bool dual = update_ == Update::dual;
    team_.apply(m_, dual ? 0.0 : 1.0);  // y = B u
    each(G, [&](int64_t g) { m_.u[g] = m_.y[g]; });
    solve();
    // The new u is y, and X u is the old B u, which m_.u still holds.
    double numerator = 0, norm = 0, largest = 0;
    for (int64_t g = 0; g < G; ++g) {
      numerator = fma(dual ? m_.u[g] - m_.y[g] : m_.y[g], m_.u[g], numerator);
      norm = fma(m_.y[g], m_.y[g], norm);
      largest = fmax(largest, fabs(m_.y[g]));
    }
    team_.sync();
    const double unit = largest > 0 && largest < INFINITY ? 1 / largest : 1;
    each(m_.stride, [&](int64_t g) { m_.u[g] = g < G ? m_.y[g] * unit : 0; });
    team_.project(m_);
    quadratic_ = numerator * unit * unit;
    squared_ = norm * unit * unit;
    return s + quadratic_ / ((dual ? 0 : squared_) + team_.quotient(m_));
  }

  // Where u^T X(s) u = 0 for the u at hand, near s and the first poles: the next shift while the steps are large, when
  // the Rayleigh quotient knows nothing of the poles. Those are followed exactly; all others change so little that
  // putting in the last shift a few times is enough.
  CRC_HD double crossing(double s) const {
    constexpr int kSteps = 3;
    const double n = squared_;
    if (m_.columns == 0) return INFINITY;
    const double first = m_.t[0] * m_.t[0];
    double root = INFINITY;
    if (update_ == Update::dual) {  // between the first two poles: c x (gap - x) - first (gap - x) + second x = 0
      if (m_.columns == 1) return lambda_[0] + first / n;
      const double second = m_.t[1] * m_.t[1], gap = lambda_[1] - lambda_[0];
      for (int step = 0; step < kSteps; ++step) {
        const double c = n + team_.rest(m_, lambda_, s, 2);
        root = lambda_[0] + lesser_root(c, c * gap + first + second, first * gap);
        s = root;
      }
      return root;
    }
    const bool primal = update_ == Update::primal;
    const double pole = lambda_[0];
    double rest = team_.rest(m_, lambda_, s, 1);
    // u^T (fixed part) u, from the value at s
    const double sum = rest + first / (pole - s), a = quadratic_ + s * n + (primal ? s * sum : sum);
    for (int step = 0; step < kSteps; ++step) {  // (c - k x)(pole - x) = first, primal: first x
      const double k = primal ? n + rest : n, c = primal ? a : a - rest;
      root = lesser_root(k, c + k * pole + (primal ? first : 0), c * pole - (primal ? 0 : first));
      if (step + 1 < kSteps) rest = team_.rest(m_, lambda_, root, 1);
    }
    return root;
  }

  // The lesser root of a x^2 - b x + c, b > 0.
  static CRC_HD double lesser_root(double a, double b, double c) {
    const double discriminant = b * b - 4 * a * c;
    return 2 * c / (b + sqrt(discriminant > 0 ? discriminant : 0));
  }

  Team team_;
  CapacitanceArrays m_;
  Update update_;
  const double* lambda_;
  double quadratic_ = 0, squared_ = 0;  // u^T X u and u^T u of the last step
};

// What both backends do with one group: gather its columns, search, report.
template <class Team>
CRC_HD void capacitance_group(const Team& team, double* memory, int64_t stride, bool by_rows, int64_t k, double* values,
                              int32_t* evaluations, const double* lambda, const double* v, const double* k_gg,
                              const int64_t* members, int64_t group, int64_t width, const CapacitanceConfig& config) {
  const int64_t zeros = config.zeros, columns = width - zeros;
  const CapacitanceArrays whole(memory, group, stride, zeros > columns ? zeros : columns, by_rows);
  const int64_t* items = members + k * group;
  // Rows stand in an order of their own, that of their entries, so that the bits do not depend on the items' numbers.
  const bool sorted = config.update != Update::bordered;
  const auto comes_first = [&](int64_t g, int64_t h) {
    const double *x = v + items[g] * width, *y = v + items[h] * width;
    for (int64_t i = width - 1; i >= 0; --i)
      if (x[i] != y[i]) return x[i] < y[i];
    return g < h;
  };
  for (int64_t g = team.rank(); g < group; g += team.size()) {
    int64_t place = g;
    if (sorted) {
      place = 0;
      for (int64_t h = 0; h < group; ++h) place += h != g && comes_first(h, g);
    }
    whole.order[place] = double(g);
  }
  team.sync();
  const auto gather = [&](int64_t first, int64_t count) {
    CapacitanceArrays m = whole;
    m.columns = count, m.padded = m.fill(count);
    team.pairs(stride, m.padded, [&](int64_t g, int64_t i) {
      m.at(i, g) = g < group && i < count ? v[items[int64_t(m.order[g])] * width + first + i] : 0;
    });
    return m;
  };
  team.pairs(stride, stride, [&](int64_t i, int64_t j) {
    whole.a[i * stride + j] =
        config.update == Update::bordered && j <= i && i < group ? k_gg[(k * group + i) * group + j] : 0;
  });
  if (zeros > 0) CapacitanceGroup<Team>(team, gather(0, zeros), config.update, lambda).add_to_fixed();
  const CapacitanceArrays m = gather(zeros, columns);
  double trace = config.update == Update::bordered ? 0 : team.squares(m);
  if (config.update != Update::dual)
    for (int64_t g = 0; g < group; ++g) trace += m.a[g * stride + g];
  const double floor = config.noise * (config.top + trace);
  int32_t count = 0;
  const double value = CapacitanceGroup<Team>(team, m, config.update, lambda).smallest(floor, count);
  if (team.rank() == 0) values[k] = value <= floor ? 0 : value, evaluations[k] = count;
  team.sync();
}

// Checks the shapes of both backends' calls.
inline void check_capacitance(View<double, 1> values, View<int32_t, 1> evaluations, View<const double, 1> lambda,
                              View<const double, 2> v, View<const double, 3> k_gg, View<const int64_t, 2> members,
                              const CapacitanceConfig& config) {
  const int64_t count = values.size(), group = members.shape[1];
  check_shape("capacitance", evaluations, {count});
  check_shape("capacitance", members, {count, -1});
  check_shape("capacitance", v, {-1, config.zeros + lambda.shape[0]});
  if (config.update == Update::bordered) check_shape("capacitance", k_gg, {count, group, group});
}

}  // namespace crc
