#include "crc/fisher_factors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/uncertainty.h"
#include "kernels/cpu/inner_products.h"

namespace crc::select {
namespace {

static_assert(kFirstRows % kDownPairs == 0);

// Sums over the pool of <h_i,h_j>^2 (diag(p_j) - p_j p_j^T), their lower triangles, for the rows of a block: all
// classes.
class ByClasses {
 public:
  ByClasses(const FisherFactors& f, const PoolRows& pool)
      : f_(f),
        pool_(pool),
        size_((f.classes * (f.classes + 1) / 2 + kLanes - 1) / kLanes * kLanes),
        panel_(size_t(kWidePairs * size_)),
        sums_(size_t(kFirstRows * size_)) {}

  void panel(int64_t j, int64_t count) {
    std::ranges::fill(panel_, 0);
    for (int64_t c = 0; c < count; ++c) {
      const double* p = &f_.p[pool_.unlabeled[j + c] * f_.classes];
      double* next = &panel_[c * size_];
      for (int64_t a = 0; a < f_.classes; ++a)
        for (int64_t b = 0; b <= a; ++b) *next++ = (a == b ? p[a] : 0) - p[a] * p[b];
    }
  }
  void take(int64_t, int64_t row, int64_t, int64_t, const double* squares) {
    for (int64_t t = 0; t < size_; t += kLanes) {
      double* to = &sums_[row * size_ + t];
      Lanes sums[kDownPairs];
      for (int64_t r = 0; r < kDownPairs; ++r) sums[r] = load(to + r * size_);
      for (int64_t c = 0; c < kWidePairs; ++c) {
        const Lanes s = load(&panel_[c * size_ + t]);
        for (int64_t r = 0; r < kDownPairs; ++r) sums[r] = fused(all(squares[r * kWidePairs + c]), s, sums[r]);
      }
      for (int64_t r = 0; r < kDownPairs; ++r) store(to + r * size_, sums[r]);
    }
  }
  void finish(int64_t place, int64_t row, double* h) const {
    std::vector<double> k(size_t(f_.classes * f_.classes));
    const double* next = &sums_[row * size_];
    for (int64_t a = 0; a < f_.classes; ++a)
      for (int64_t b = 0; b <= a; ++b) k[a * f_.classes + b] = k[b * f_.classes + a] = *next++;
    f_.form(place, k.data(), h);
  }

 private:
  const FisherFactors& f_;
  const PoolRows& pool_;
  int64_t size_;
  std::vector<double> panel_, sums_;
};

// Sums over the pool of <h_i,h_j>^2 (A_i^T A_j) (A_i^T A_j)^T: the likeliest classes.
class ByFactors {
 public:
  ByFactors(const FisherFactors& f, const PoolRows& pool)
      : f_(f), pool_(pool), product_(size_t(f.rank * f.rank)), sums_(size_t(kFirstRows * f.rank * f.rank)) {}

  void panel(int64_t, int64_t) {}
  void take(int64_t i, int64_t row, int64_t j, int64_t count, const double* squares) {
    for (int64_t r = 0; r < kDownPairs && i + r < int64_t(pool_.unlabeled.size()); ++r)
      for (int64_t c = 0; c < count; ++c)
        add(pool_.unlabeled[i + r], pool_.unlabeled[j + c], squares[r * kWidePairs + c],
            &sums_[(row + r) * f_.rank * f_.rank]);
  }
  void finish(int64_t, int64_t row, double* h) const {
    const int64_t r = f_.rank;
    for (int64_t a = 0; a < r; ++a)
      for (int64_t b = 0; b <= a; ++b) h[a * r + b] = h[b * r + a] = sums_[row * r * r + a * r + b];
  }

 private:
  void add(int64_t i, int64_t j, double square, double* sum) {
    const int64_t r = f_.rank, classes = f_.classes;
    const double *p = &f_.p[i * classes], *q = &f_.p[j * classes];
    const double inner = inner_product(p, q, classes);
    for (int64_t a = 0; a < r; ++a)
      for (int64_t b = 0; b < r; ++b) {
        const int32_t x = f_.top[i * r + a], y = f_.top[j * r + b];
        product_[a * r + b] = f_.root[i * r + a] * f_.root[j * r + b] * ((x == y) - p[y] - q[x] + inner);
      }
    for (int64_t a = 0; a < r; ++a)
      for (int64_t b = 0; b <= a; ++b) {
        double total = 0;
        for (int64_t k = 0; k < r; ++k) total += product_[a * r + k] * product_[b * r + k];
        sum[a * r + b] += square * total;
      }
  }

  const FisherFactors& f_;
  const PoolRows& pool_;
  std::vector<double> product_, sums_;
};

// sums.take() of the squared inner products of unlabelled items [begin,end) with all of them.
template <class Sums> void sum_pairs(const PoolRows& pool, int64_t begin, int64_t end, Sums& sums) {
  const int64_t width = pool.rows().shape[1], count = int64_t(pool.unlabeled.size());
  std::vector<double> rows(size_t(kFirstRows * width)), panel(size_t(kWidePairs * width));
  const auto row = [&](int64_t k) { return pool.host(pool.unlabeled[k]).data(); };
  for (int64_t i = begin; i < end; i += kDownPairs)
    pack_rows<kDownPairs>(&rows[(i - begin) * width], width, end - i, [&](int64_t r) { return row(i + r); });
  for (int64_t j = 0; j < count; j += kWidePairs) {
    pack_rows<kWidePairs>(panel.data(), width, count - j, [&](int64_t r) { return row(j + r); });
    const int64_t columns = std::min(kWidePairs, count - j);
    sums.panel(j, columns);
    for (int64_t i = begin; i < end; i += kDownPairs) {
      double tile[kDownPairs * kWidePairs] = {};
      add_products(tile, &rows[(i - begin) * width], panel.data(), width);
      for (double& v : tile) v *= v;
      sums.take(i, i - begin, j, columns, tile);
    }
  }
}

}  // namespace

FisherFactors::FisherFactors(Context& context, const Problem& problem, const Config& config, const PoolRows& pool,
                             int64_t rank_)
    : rank(rank_) {
  const Logits logits = read_logits(context, problem, config, problem.labeled);
  classes = logits.classes();
  std::vector<int32_t> order(static_cast<size_t>(classes));
  for (const int64_t item : pool.items) {
    const std::vector<double> of = softmax(logits[item]);
    p.insert(p.end(), of.begin(), of.end());
    std::iota(order.begin(), order.end(), 0);
    if (rank < classes) std::ranges::stable_sort(order, std::greater<>(), [&](int32_t c) { return of[c]; });
    double total = 0;
    for (int64_t a = 0; a < rank; ++a) total += of[order[a]];
    for (int64_t a = 0; a < rank; ++a) {
      top.push_back(order[a]);
      root.push_back(std::sqrt(rank < classes ? of[order[a]] / total : of[order[a]]));
    }
  }
}

void FisherFactors::form(int64_t place, const double* k, double* out) const {
  const double *of = &p[place * classes], *sqrt_q = &root[place * rank];
  const int32_t* which = &top[place * rank];
  std::vector<double> kp(of, of + classes);  // k p
  for (int64_t c = 0; c < classes && k != nullptr; ++c) kp[c] = inner_product(k + c * classes, of, classes);
  const double pkp = inner_product(of, kp.data(), classes);
  for (int64_t a = 0; a < rank; ++a)
    for (int64_t b = 0; b <= a; ++b) {
      const int32_t x = which[a], y = which[b];
      const double at = k != nullptr ? k[x * classes + y] : double(x == y);
      out[a * rank + b] = out[b * rank + a] = sqrt_q[a] * sqrt_q[b] * (at - kp[x] - kp[y] + pkp);
    }
}

void FisherFactors::project(int64_t place, const double* t, int64_t m, double* out) const {
  for (int64_t j = 0; j < m; ++j, t += classes) {
    const double mean = inner_product(&p[place * classes], t, classes);
    for (int64_t a = 0; a < rank; ++a) out[a * m + j] = root[place * rank + a] * (t[top[place * rank + a]] - mean);
  }
}

void FisherFactors::embed(int64_t place, const double* w, int64_t m, double* out) const {
  const double* of = &p[place * classes];
  for (int64_t j = 0; j < m; ++j, out += classes) {
    double total = 0;
    for (int64_t a = 0; a < rank; ++a) total += root[place * rank + a] * w[a * m + j];
    for (int64_t c = 0; c < classes; ++c) out[c] = -total * of[c];
    for (int64_t a = 0; a < rank; ++a) out[top[place * rank + a]] += root[place * rank + a] * w[a * m + j];
  }
}

void FisherFactors::first(const PoolRows& pool, int64_t begin, int64_t end, double* g, double* h) const {
  const auto fill = [&](auto sums) {
    sum_pairs(pool, begin, end, sums);
    for (int64_t k = begin; k < end; ++k, g += rank * rank, h += rank * rank) {
      const int64_t place = pool.unlabeled[k];
      double length = 0;
      for (float x : pool.host(place)) length += double(x) * double(x);
      form(place, nullptr, g);
      sums.finish(place, k - begin, h);
      for (int64_t e = 0; e < rank * rank; ++e) g[e] *= length, h[e] /= double(pool.unlabeled.size());
    }
  };
  if (rank == classes)
    fill(ByClasses(*this, pool));
  else
    fill(ByFactors(*this, pool));
}

}  // namespace crc::select
