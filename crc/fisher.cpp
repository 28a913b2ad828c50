#include "crc/fisher.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/host_loop.h"
#include "kernels/cpu/block_products.h"

namespace crc::select {
namespace {

constexpr int64_t kRows = 48, kBlock = 512;  // items that share packed panels; items of a sum over the pool at once
static_assert(kRows % kDownPairs == 0);

int64_t up_to(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// The inverse of a positive definite a [n,n] in its place, by Cholesky. Error numerical: it is not.
void invert(double* a, int64_t n) {
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (int64_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i == j && !(sum > 0 && std::isfinite(sum)))
        fail(ExitCode::numerical,
             "acquisition \"bait\": the features are too large beside its regularisation of 1; divide them by one "
             "number, so that their lengths are below 1000");
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
    }
  for (int64_t j = 0; j < n; ++j) {  // L^-1, column by column
    a[j * n + j] = 1 / a[j * n + j];
    for (int64_t i = j + 1; i < n; ++i) {
      double sum = 0;
      for (int64_t k = j; k < i; ++k) sum -= a[i * n + k] * a[k * n + j];
      a[i * n + j] = sum / a[i * n + i];
    }
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) {  // L^-T L^-1: entry (i,j) needs rows from i on
      double sum = 0;
      for (int64_t k = i; k < n; ++k) sum += a[k * n + i] * a[k * n + j];
      a[j * n + i] = sum;
      if (j == i) a[i * n + i] = sum;
    }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
}

// tr((I + sign g)^-1 h)
double solved_trace(double sign, const double* g, const double* h, int64_t n) {
  std::vector<double> a(size_t(n * n));
  for (int64_t k = 0; k < n * n; ++k) a[k] = sign * g[k] + (k % (n + 1) == 0 ? 1 : 0);
  invert(a.data(), n);
  double total = 0;
  for (int64_t k = 0; k < n * n; ++k) total += a[k] * h[k];
  return total;
}

// out [n,n] = a b
void multiply(double* out, const double* a, const double* b, int64_t n) {
  std::fill_n(out, n * n, 0.0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < n; ++k)
      for (int64_t j = 0; j < n; ++j) out[i * n + j] += a[i * n + k] * b[k * n + j];
}

void mirror(double* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) a[j * n + i] = a[i * n + j];
}

}  // namespace

FisherCost fisher_cost(int64_t items, int64_t unlabeled, int64_t width, int64_t classes, int64_t rank, int64_t steps) {
  const double u = double(unlabeled), c = double(classes), r = double(rank), d = double(width);
  return {.bytes = 8 * (double(items) * (c + 1.5 * r + d / 2) + 3 * u * r * r + double(steps + 3) * r * r +
                        double(steps + 4) * r * c * d + kBlock * (r * c + d)),
          .start = u * u * (d + (rank == classes ? c * c / 2 : c + r * r * r)),
          .step = 3 * u * c * d * r};
}

FisherTrace::FisherTrace(Context& context, const PoolRows& pool, FisherFactors factors, double lambda)
    : host_(host_of(context)),
      pool_(pool),
      f_(std::move(factors)),
      lambda_(lambda),
      width_(pool.rows().shape[1]),
      unlabeled_(int64_t(pool.unlabeled.size())),
      g_(size_t(unlabeled_ * area())),
      h_(g_.size()) {
  on_cpu(host_, [&](Cpu& cpu) {
    for_chunks(cpu, unlabeled_, kFirstRows, [&](int64_t, int64_t begin, int64_t end) {
      f_.first(pool_, begin, end, &g_[begin * area()], &h_[begin * area()]);
    });
  });
  for (size_t e = 0; e < g_.size(); ++e) g_[e] /= lambda_, h_[e] /= lambda_ * lambda_;
  for (int64_t k = 0; k < unlabeled_; ++k)  // tr F/lambda = 1/U sum_i tr(V_i^T V_i)/lambda
    for (int64_t a = 0; a < f_.rank; ++a) trace_ += g_[k * area() + a * (f_.rank + 1)] / double(unlabeled_);
}

FisherTrace::Block FisherTrace::factor(int64_t place) const {
  Block block(size_t(f_.rank * f_.classes * width_));
  const std::span<const float> h = pool_.host(place);
  std::vector<double> unit(static_cast<size_t>(area())), a(size_t(f_.rank * f_.classes));
  for (int64_t k = 0; k < f_.rank; ++k) unit[k * (f_.rank + 1)] = 1;
  f_.embed(place, unit.data(), f_.rank, a.data());
  double* next = block.data();
  for (double x : a)
    for (float y : h) *next++ = x * double(y);
  return block;
}

void FisherTrace::apply_inverse(Block& block) const {
  const int64_t r = f_.rank, length = f_.classes * width_, steps = int64_t(steps_.size());
  std::vector<double> with(size_t(steps * area()));  // S_t Y_t^T block
  on_cpu(host_, [&](Cpu& cpu) {
    for_chunks(cpu, steps, 1, [&](int64_t t, int64_t, int64_t) {
      std::vector<double> inner(size_t(r * r));
      inner_products(inner.data(), steps_[t].y.data(), r, block.data(), r, length);
      multiply(&with[t * r * r], steps_[t].s.data(), inner.data(), r);
    });
    constexpr int64_t kPart = 1024;  // numbers of each row, in the nearest cache
    for_chunks(cpu, length, kPart, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t j = 0; j < r; ++j)
        for (int64_t k = begin; k < end; ++k) block[j * length + k] /= lambda_;
      for (int64_t t = 0; t < steps; ++t)
        subtract_products(block.data(), r, steps_[t].y.data(), r, &with[t * r * r], length, begin, end);
    });
  });
}

// take(k, t) with t [r,C] = y h for each unlabelled item k that is active, from several threads.
template <class F> void FisherTrace::products(std::span<const int64_t> active, const Block& y, const F& take) const {
  const int64_t m = f_.rank * f_.classes, panels = up_to(m, kWidePairs) / kWidePairs;
  std::vector<double> packed(size_t(panels * kWidePairs * width_));
  for (int64_t q = 0; q < panels; ++q)
    pack_rows<kWidePairs>(&packed[q * kWidePairs * width_], width_, m - q * kWidePairs,
                          [&](int64_t r) { return &y[(q * kWidePairs + r) * width_]; });
  on_cpu(host_, [&](Cpu& cpu) {
    for_chunks(cpu, int64_t(active.size()), kRows, [&](int64_t, int64_t begin, int64_t end) {
      std::vector<double> rows(size_t(kRows * width_)), t(size_t(kRows * panels * kWidePairs));
      for (int64_t i = begin; i < end; i += kDownPairs)
        pack_rows<kDownPairs>(&rows[(i - begin) * width_], width_, end - i,
                              [&](int64_t r) { return pool_.host(pool_.unlabeled[active[i + r]]).data(); });
      for (int64_t q = 0; q < panels; ++q)
        for (int64_t i = 0; i < end - begin; i += kDownPairs) {
          double tile[kDownPairs * kWidePairs] = {};
          add_products(tile, &rows[i * width_], &packed[q * kWidePairs * width_], width_);
          for (int64_t r = 0; r < kDownPairs; ++r)
            std::copy_n(tile + r * kWidePairs, kWidePairs, &t[((i + r) * panels + q) * kWidePairs]);
        }
      for (int64_t i = begin; i < end; ++i) take(active[i], &t[(i - begin) * panels * kWidePairs]);
    });
  });
}

FisherTrace::Block FisherTrace::apply_fisher(const Block& y, std::vector<double>& w) const {
  const int64_t r = f_.rank, m = r * f_.classes, panels = up_to(width_, kWidePairs) / kWidePairs;
  Block sum(y.size());
  std::vector<double> b(size_t(kBlock * up_to(m, kDownPairs))), h(size_t(panels * kBlock * kWidePairs));
  for (int64_t begin = 0; begin < unlabeled_; begin += kBlock) {
    const int64_t n = std::min(kBlock, unlabeled_ - begin);
    std::vector<int64_t> items(static_cast<size_t>(n));
    std::iota(items.begin(), items.end(), begin);
    products(items, y, [&](int64_t k, const double* t) {
      const int64_t place = pool_.unlabeled[k];
      f_.project(place, t, r, &w[k * r * r]);
      f_.embed(place, &w[k * r * r], r, &b[(k - begin) * m]);
      const std::span<const float> row = pool_.host(place);
      for (int64_t d = 0; d < panels * kWidePairs; ++d)
        h[(d / kWidePairs * kBlock + k - begin) * kWidePairs + d % kWidePairs] = d < width_ ? double(row[d]) : 0;
    });
    on_cpu(host_, [&](Cpu& cpu) {
      for_chunks(cpu, m, kDownPairs, [&](int64_t, int64_t from, int64_t to) {
        double x[kBlock * kDownPairs] = {};
        for (int64_t i = 0; i < n; ++i)
          for (int64_t c = from; c < to; ++c) x[i * kDownPairs + c - from] = b[i * m + c];
        for (int64_t q = 0; q < panels; ++q) {
          double tile[kDownPairs * kWidePairs] = {};
          add_products(tile, x, &h[q * kBlock * kWidePairs], n);
          for (int64_t c = from; c < to; ++c)
            for (int64_t d = q * kWidePairs; d < std::min(width_, (q + 1) * kWidePairs); ++d)
              sum[c * width_ + d] += tile[(c - from) * kWidePairs + d - q * kWidePairs] / double(unlabeled_);
        }
      });
    });
  }
  return sum;
}

void FisherTrace::update(int64_t place, double weight, std::span<const int64_t> active) {
  const int64_t r = f_.rank, length = f_.classes * width_;
  Step step{factor(place), std::vector<double>(size_t(r * r))};
  apply_inverse(step.y);
  const std::vector<double> own(pool_.host(place).begin(), pool_.host(place).end());
  std::vector<double> t(size_t(r * f_.classes)), w(g_.size()), e(size_t(r * r));
  for (size_t c = 0; c < t.size(); ++c) t[c] = inner_product(&step.y[int64_t(c) * width_], own.data(), width_);
  f_.project(place, t.data(), r, step.s.data());
  const double sign = weight > 0 ? 1 : -1;
  mirror(step.s.data(), r);
  for (int64_t k = 0; k < r * r; ++k) step.s[k] = sign * step.s[k] + (k % (r + 1) == 0 ? sign / weight : 0);
  invert(step.s.data(), r);
  for (double& s : step.s) s *= sign;
  Block z = apply_fisher(step.y, w);
  inner_products(e.data(), step.y.data(), r, z.data(), r, length);
  mirror(e.data(), r);
  for (int64_t k = 0; k < r * r; ++k) trace_ -= step.s[k] * e[k];
  apply_inverse(z);
  products(active, z, [&](int64_t k, const double* projected) {
    std::vector<double> b(size_t(r * r)), x(size_t(r * r)), be(size_t(r * r));
    const double* wk = &w[k * r * r];
    double *g = &g_[k * r * r], *h = &h_[k * r * r];
    multiply(b.data(), wk, step.s.data(), r);
    multiply(be.data(), b.data(), e.data(), r);
    f_.project(pool_.unlabeled[k], projected, r, x.data());
    for (int64_t c = 0; c < r * r; ++c) x[c] -= be[c] / 2;
    for (int64_t i = 0; i < r; ++i)
      for (int64_t j = 0; j <= i; ++j)
        for (int64_t c = 0; c < r; ++c) {
          g[i * r + j] -= b[i * r + c] * wk[j * r + c];
          h[i * r + j] -= x[i * r + c] * b[j * r + c] + b[i * r + c] * x[j * r + c];
        }
    mirror(g, r);
    mirror(h, r);
  });
  steps_.push_back(std::move(step));
}

void FisherTrace::add(int64_t place, double weight) {
  std::vector<int64_t> every(static_cast<size_t>(unlabeled_));
  std::iota(every.begin(), every.end(), 0);
  update(place, weight, every);
}

void FisherTrace::remove(int64_t k, std::span<const int64_t> still) { update(pool_.unlabeled[k], -1, still); }

std::vector<double> FisherTrace::gains() const {
  std::vector<double> gains(static_cast<size_t>(unlabeled_));
  on_cpu(host_, [&](Cpu& cpu) {
    for_chunks(cpu, unlabeled_, kRows, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) gains[k] = solved_trace(1, &g_[k * area()], &h_[k * area()], f_.rank);
    });
  });
  return gains;
}

double FisherTrace::loss(int64_t k) const { return solved_trace(-1, &g_[k * area()], &h_[k * area()], f_.rank); }

}  // namespace crc::select
