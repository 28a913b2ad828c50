// The last-layer NTK of a pool. For logits W h + b the trace kernel over the last linear layer is
//   K~(x,x') = C (<h(x), h(x')> + 1) = C <a(x), a(x')>,   a = (h, 1)
// (paper section 3.1; the parameter gradient of logit c is a in the rows of class c). Its rank r is at most D+1. Where
// it is less, because features are dead or depend on others, coordinates Q^T a in the r eigenvectors Q of the pool's
// moment matrix sum a a^T have the same inner products: what every group of the pool lacks is gone once and for all.
//
// The labelled set L enters by its moment matrix A_L^T A_L = R diag(lambda) R^T alone. It is summed exactly
// (crc/exact_moment.h) on the device and decomposed on the host, since every library has last bits of its own; items
// are rotated in a fixed order (kernels/ops/rotate_rows.h). Coordinates and lambda are the same bits on every device
// and in any order of the items.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "crc/exact_moment.h"
#include "crc/host_rows.h"
#include "crc/labeled_rank.h"
#include "crc/progress.h"
#include "kernels/core/tensor.h"

namespace crc::select {

class ShardedRows;
struct Config;

// Of a labelled set, in the scale of LastLayerNtk.
struct LabeledSpectrum {
  std::vector<double> lambda;  // [r] ascending; the r - |L| structural zeros are 0 exactly
  Tensor rotation;             // [D+1,r]: column k belongs to lambda[k]
  LabeledRank rank;
};

// What is computed once of one labelled set, for whoever asks again.
struct Spectra {
  std::shared_ptr<const LabeledSpectrum> moment, singular;
};

class LastLayerNtk {
 public:
  // Lists ascending, together not empty; both views must outlive this. `features` and `host` hold the same rows.
  template <class T>
  LastLayerNtk(Context& context, View<const T, 2> features, const HostMatrix<T>& host, std::span<const int64_t> labeled,
               std::span<const int64_t> unlabeled, const Progress& progress = {});
  // Of a pool in several processes: two passes over the rows, three where the rank is not D+1. It knows none of them,
  // and over() has some. Collective.
  LastLayerNtk(Context& context, const ShardedRows& features, std::span<const int64_t> labeled,
               std::span<const int64_t> unlabeled, const Config& config);
  // The same kernel over some rows of the pool: item k is row k. With `spectra` all that are asked for are of one
  // labelled set, and are kept there. The arguments must outlive it.
  template <class T>
  LastLayerNtk over(View<const T, 2> features, const HostMatrix<T>& host, Spectra* spectra = nullptr) const;

  int64_t features() const { return width_ - 1; }                   // D
  int64_t rank() const { return rank_; }                            // r
  int64_t constant_features() const { return constant_features_; }  // columns of h with one value on the whole pool
  // Everything below is of rows scale * a: the scale, a power of two, keeps squares of any features in range.
  double scale() const { return scale_; }
  double unscaled(double squared) const { return squared / scale_ / scale_; }  // of squares: exact, or infinite
  // What counts as rounding of the largest eigenvalue, for n rows.
  double noise(int64_t n) const { return double(std::max(n, rank_)) * 0x1p-52; }

  std::shared_ptr<const LabeledSpectrum> spectrum(std::span<const int64_t> labeled) const;
  // The same from the rows themselves, by singular values: eigenvalues down to row_noise(n)^2 of the largest, where
  // the moment matrix, which holds their squares, rounds them away at noise(n). O(|L| r min(|L|,r)), on the host.
  std::shared_ptr<const LabeledSpectrum> singular_spectrum(std::span<const int64_t> labeled) const;
  // What counts as rounding of the largest singular value, for n rows: a margin over LAPACK's own error.
  double row_noise(int64_t n) const { return 16 * double(std::max(n, width_)) * 0x1p-52; }
  // [n,r]: scale a(x) R for every item; without a rotation in the basis of the pool's range.
  Tensor coordinates(std::span<const int64_t> items, const Tensor* rotation = nullptr) const;
  // The same in memory that this object keeps: a search that makes one scorer after the other, each of the whole pool,
  // takes it once. As long as somebody holds the last ones, others are given memory of their own.
  std::shared_ptr<const Tensor> kept_coordinates(std::span<const int64_t> items, const Tensor& rotation) const;
  // scale^2 K~/C of an item with itself.
  std::vector<double> squared_norms(std::span<const int64_t> items) const;
  // a of an item, unscaled.
  void row(int64_t item, std::span<double> a) const { row_(item, a); }

 private:
  using Items = std::span<const int64_t>;
  ExactMoment moment_of(Items items) const;
  void each_block(Items items, const std::function<void(int64_t begin, View<const double, 2> rows)>& f) const;
  void take_bounds(std::span<const double> low, std::span<const double> high);  // [D+1] of every column of a
  void find_rank(Items labeled, Items unlabeled, const Progress& progress);
  // f(rows [n,D+1], by a scale) of all own rows, block by block.
  using Pass =
      std::function<void(const char* what, double scale, const std::function<void(std::span<const double>)>& f)>;
  void find_rank(const ShardedRows& features, int64_t rows, const Pass& pass);
  // From the eigenvalues [D+1] of sums in some order where they suffice, else from exact ones.
  void decide_rank(std::span<const double> values, const std::function<ExactMoment()>& exact);
  LabeledSpectrum moment_spectrum(Items labeled) const;
  LabeledSpectrum row_spectrum(Items labeled) const;
  Tensor rotation_of(std::vector<double> vectors) const;  // [D+1,r] from [r,r], rows in the pool's range

  void rotate_into(const Tensor& v, std::span<const int64_t> items, const Tensor& rotation) const;

  Context& context_;
  mutable std::shared_ptr<Tensor> kept_;
  Spectra* spectra_ = nullptr;  // where some are kept
  Rows device_;
  std::function<void(int64_t, std::span<double>)> row_;
  int64_t width_, rank_ = 0, constant_features_ = 0;  // D+1
  double scale_ = 1;
  std::vector<double> largest_;  // [D+1] of scale |a_j| on the pool
  std::vector<double> basis_;    // [r,D+1] rows span the range; empty where it is everything
};

// Rows [n,width] in the order of their entries.
std::vector<double> sorted_rows(std::span<const double> rows, int64_t width);

// An eigenvalue of the pool's moment matrix below this fraction of the largest is rounding: a sum of N products in fp64
// is wrong by about sqrt(N) 2^-52 of its size, N up to millions.
inline constexpr double kRankTolerance = 0x1p-40;

}  // namespace crc::select
