#include "kernels/ops/capacitance.h"

#include <omp.h>

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/lanes.h"
#include "kernels/ops/capacitance.cuh"

namespace crc {
namespace {

// Rows of few items go along the columns in registers, of more across the items.
bool by_rows(int64_t group) { return group < kLanes; }
int64_t stride_of(int64_t group) { return by_rows(group) ? group : CapacitanceArrays::fill(group); }

struct OneThread {
  static int64_t rank() { return 0; }
  static int64_t size() { return 1; }
  static void sync() {}
  template <class F> static void pairs(int64_t n, int64_t m, const F& f) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < m; ++j) f(i, j);
  }

  static void weigh(const CapacitanceArrays& m, const CapacitanceWeights& weights, const double* lambda) {
    const Lanes s = all(weights.s), pole = all(-0x1p-52 * weights.s), scale = all(weights.scale);
    int64_t i = 0;
    for (; i + kLanes <= m.columns; i += kLanes) {
      const Lanes l = load(lambda + i), gap = l - s, inverse = 1 / (gap == 0 ? pole : gap);
      store(m.w + i, scale * inverse);
      store(m.b + i, (weights.by_lambda ? l * inverse : inverse) * inverse);
    }
    for (; i < m.padded; ++i) {
      const double inverse = i < m.columns ? weights.inverse_gap(lambda[i]) : 0;
      m.w[i] = weights.scale * inverse;
      m.b[i] = (weights.by_lambda && i < m.columns ? lambda[i] * inverse : inverse) * inverse;
    }
  }

  static void accumulate(const CapacitanceArrays& m) {
    if (m.by_rows) return accumulate_rows(m);
    constexpr int64_t kRows = 3;  // times four chains: 12 of the 16 registers
    for (int64_t a = 0; a < m.group; a += kRows)
      for (int64_t b = 0; b < std::min(a + kRows, m.group); b += kLanes) {
        Lanes sums[kRows][4] = {};
        for (int64_t i = 0; i < m.padded; i += 4)
          for (int64_t c = 0; c < 4; ++c) {
            const double* v = m.v + (i + c) * m.stride;
            const Lanes row = load(v + b);
            for (int64_t k = 0; k < kRows; ++k) sums[k][c] = fused(all(m.w[i + c] * v[a + k]), row, sums[k][c]);
          }
        for (int64_t k = 0; k < std::min(kRows, m.group - a); ++k) {
          double* x = m.x + (a + k) * m.stride + b;
          store(x, load(x) + ((sums[k][0] + sums[k][1]) + (sums[k][2] + sums[k][3])));
        }
      }
  }
  static void accumulate_rows(const CapacitanceArrays& m) {
    for (int64_t a = 0; a < m.group; ++a)
      for (int64_t b = 0; b <= a; ++b) {
        const double *va = m.v + a * m.padded, *vb = m.v + b * m.padded;
        Lanes sum = {};
        for (int64_t i = 0; i < m.padded; i += kLanes) sum = fused(load(m.w + i) * load(va + i), load(vb + i), sum);
        m.x[a * m.stride + b] += joined(sum);
      }
  }

  static void project(const CapacitanceArrays& m) {
    if (m.by_rows) {  // fewer items than chains
      for (int64_t i = 0; i < m.padded; i += kLanes) {
        Lanes chains[4] = {};
        for (int64_t g = 0; g < m.group; ++g) chains[g] = fused(all(m.u[g]), load(m.v + g * m.padded + i), chains[g]);
        store(m.t + i, (chains[0] + chains[1]) + (chains[2] + chains[3]));
      }
      return;
    }
    for (int64_t i = 0; i < m.padded; i += 4) {
      const double* v = m.v + i * m.stride;
      Lanes sums[4] = {};
      for (int64_t g = 0; g < m.stride; g += kLanes) {
        const Lanes u = load(m.u + g);
        for (int64_t c = 0; c < 4; ++c) sums[c] = fused(u, load(v + c * m.stride + g), sums[c]);
      }
      store(m.t + i, joined(sums[0], sums[1], sums[2], sums[3]));
    }
  }

  static void apply(const CapacitanceArrays& m, double identity) {
    if (m.by_rows) {
      for (int64_t g = 0; g < m.group; ++g) {
        Lanes sum = {};
        for (int64_t i = 0; i < m.padded; i += kLanes)
          sum = fused(load(m.b + i) * load(m.t + i), load(m.v + g * m.padded + i), sum);
        m.y[g] = identity * m.u[g] + joined(sum);
      }
      return;
    }
    for (int64_t g = 0; g < m.stride; g += kLanes) {
      Lanes sums[4] = {};
      for (int64_t i = 0; i < m.padded; i += 4)
        for (int64_t c = 0; c < 4; ++c)
          sums[c] = fused(all(m.b[i + c] * m.t[i + c]), load(m.v + (i + c) * m.stride + g), sums[c]);
      store(m.y + g, identity * load(m.u + g) + ((sums[0] + sums[1]) + (sums[2] + sums[3])));
    }
  }

  static double quotient(const CapacitanceArrays& m) {
    Lanes sum = {};
    for (int64_t i = 0; i < m.padded; i += kLanes) {
      const Lanes t = load(m.t + i);
      sum = fused(load(m.b + i) * t, t, sum);
    }
    return joined(sum);
  }

  static double rest(const CapacitanceArrays& m, const double* lambda, double s, int64_t first) {
    Lanes sum = {};
    for (int64_t i = 0; i < m.padded; i += kLanes) {
      Lanes gap = {1, 1, 1, 1}, t = load(m.t + i);
      if (i + kLanes <= m.columns)
        gap = load(lambda + i) - s;
      else
        for (int64_t c = 0; i + c < m.columns; ++c) gap[c] = lambda[i + c] - s;
      for (int64_t c = 0; i + c < first; ++c) t[c] = 0, gap[c] = 1;  // first <= 2
      sum += t * t / gap;
    }
    return joined(sum);
  }

  static double squares(const CapacitanceArrays& m) {
    double total = 0;
    for (int64_t g = 0; g < m.group; ++g) {
      Lanes sum = {};
      for (int64_t i = 0; i < m.padded; i += kLanes) {
        const Lanes v = {m.at(i, g), m.at(i + 1, g), m.at(i + 2, g), m.at(i + 3, g)};
        sum = fused(v, v, sum);
      }
      total += joined(sum);
    }
    return total;
  }

  // Whole rows: what is done is never read again.
  static void eliminate(const CapacitanceArrays& m, const double* l, const double* row) {
    for (int64_t i = 0; i < m.group; ++i) {
      if (l[i] == 0) continue;
      double* x = m.x + i * m.stride;
      if (m.by_rows)
        for (int64_t c = 0; c < m.stride; ++c) x[c] = fma(-l[i], row[c], x[c]);
      else
        for (int64_t c = 0; c < m.stride; c += kLanes) store(x + c, fused(all(-l[i]), load(row + c), load(x + c)));
    }
  }
};

}  // namespace

int64_t capacitance_bytes(int64_t group, int64_t columns) {
  return CapacitanceArrays::doubles(stride_of(group), columns) * int64_t(sizeof(double));
}

void capacitance(Cpu& cpu, View<double, 1> values, View<int32_t, 1> evaluations, View<const double, 1> lambda,
                 View<const double, 2> v, View<const double, 3> k_gg, View<const int64_t, 2> members,
                 CapacitanceConfig config) {
  check_capacitance(values, evaluations, lambda, v, k_gg, members, config);
  constexpr int64_t kGrain = 64;  // groups: about a millisecond
  const int64_t group = members.shape[1], width = v.shape[1], stride = stride_of(group);
  const Arena::Frame frame(cpu.scratch());
  const auto memory =
      cpu.scratch().take<double>({cpu.threads(), CapacitanceArrays::doubles(stride, width)}, "capacitance");
  for_chunks(cpu, values.size(), kGrain, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k)
      capacitance_group(OneThread(), &memory(omp_get_thread_num(), 0), stride, by_rows(group), k, values.data,
                        evaluations.data, lambda.data, v.data, k_gg.data, members.data, group, width, config);
  });
}

}  // namespace crc
