// The Fisher information of a last linear layer without its bias, and the trace that BAIT lowers (Ash et al. 2021):
//   I(x) = (diag(p) - p p^T) (x) h h^T = V V^T,   V = A (x) h,   A = [.. sqrt(q_c) (e_c - p) ..]  [C,r],
// over all classes with q = p, r = C: exact; or over the r likeliest with q = p / sum of theirs (Huseljic et al. 2024).
//   T(M) = tr(M^-1 F),   F = 1/U sum_{i unlabelled} I(x_i),   M = lambda I + sum of the information added.
// Neither I, F nor M [C D, C D] is ever formed. M^-1 is Q = I/lambda - sum_t Y_t S_t Y_t^T, a block Y_t = Q V_t [C D,r]
// and S_t = (I/w + V_t^T Q V_t)^-1 for each item added with weight w (Woodbury); a removal has w = -1. Each unlabelled
// item has G = V^T Q V and H = V^T Q F Q V, [r,r]: adding it lowers T by tr((I + G)^-1 H), removing it raises T by
// tr((I - G)^-1 H). With Y = Q V_s, Z = Q F Y, E = Y^T F Y, W = V^T Y, B = W S and X = V^T Z - B E/2 a step is
//   G -= B W^T,   H -= X B^T + B X^T:
// 3 U C D r products. The first H are sums over pairs, V_i^T V_j = <h_i,h_j> A_i^T A_j: U^2 (D + C^2/2) products for all
// classes, U^2 (D + C + r^3) for some. In fp64 on the host, every sum in an order of its own: the same bits on every
// device and for any number of threads, and for copies.
#pragma once

#include <span>
#include <vector>

#include "crc/fisher_factors.h"

namespace crc::select {

struct FisherCost {
  double bytes, start, step;  // start and step: products
};
// Of `steps` items added or removed.
FisherCost fisher_cost(int64_t items, int64_t unlabeled, int64_t width, int64_t classes, int64_t rank, int64_t steps);

class FisherTrace {
 public:
  // `pool` must outlive it. Nothing is added yet.
  FisherTrace(Context& context, const PoolRows& pool, FisherFactors factors, double lambda);

  // M += weight I(x) for an item of the pool. Items are known by their places in pool.items; unlabelled ones also by
  // their places k in pool.unlabeled.
  void add(int64_t place, double weight);
  // M -= I(x); from now on gains and losses of `still` (their k) alone are kept.
  void remove(int64_t k, std::span<const int64_t> still);

  double trace() const { return trace_; }  // T
  std::vector<double> gains() const;       // [U] by how much adding an item lowers T
  double loss(int64_t k) const;            // by how much removing an item raises T

 private:
  using Block = std::vector<double>;  // [r,C,D]
  struct Step {
    Block y;
    std::vector<double> s;  // [r,r]
  };
  int64_t area() const { return f_.rank * f_.rank; }
  void update(int64_t place, double weight, std::span<const int64_t> active);
  Block factor(int64_t place) const;
  void apply_inverse(Block& block) const;                            // Q block
  Block apply_fisher(const Block& y, std::vector<double>& w) const;  // F y, and w [U,r,r] = V^T y
  template <class F> void products(std::span<const int64_t> active, const Block& y, const F& take) const;

  mutable Context host_;
  const PoolRows& pool_;
  FisherFactors f_;
  double lambda_, trace_ = 0;
  int64_t width_, unlabeled_;
  std::vector<double> g_, h_;  // [U,r,r]
  std::vector<Step> steps_;
};

}  // namespace crc::select
