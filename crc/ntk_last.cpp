#include "crc/ntk_last.h"

#include <algorithm>
#include <cmath>

#include "crc/checkpoint.h"
#include "crc/host_loop.h"
#include "crc/sharded_rows.h"
#include "kernels/cpu/lapack.h"
#include "kernels/ops/eigvals.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/rotate_rows.h"

namespace crc::select {
namespace {

constexpr int64_t kRowsAtOnce = 16384;  // of the pool in fp64: 16 MB for D = 128

Tensor on_device(Context& context, std::span<const int64_t> items) {
  return Tensor::from_host(context, {int64_t(items.size())}, items.data(), "items");
}

std::vector<double> identity(int64_t n) {
  std::vector<double> m(n * n);
  for (int64_t i = 0; i < n; ++i) m[i * n + i] = 1;
  return m;
}

// Small matrices on the host, row-major.
std::vector<double> transposed(const std::vector<double>& a, int64_t rows, int64_t columns) {
  std::vector<double> t(a.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) t[j * rows + i] = a[i * columns + j];
  return t;
}

// a [m,k] b [k,n], in a fixed order.
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, int64_t m, int64_t k,
                            int64_t n) {
  std::vector<double> c(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += a[i * k + l] * b[l * n + j];
  return c;
}

// w [n] of a [n,n], which becomes nonsense.
void eigenvalues(Context& context, View<double, 1> w, View<double, 2> a) {
  const int64_t n = w.shape[0];
  eigvals(context, View<double, 2>{w.data, {1, n}, w.device, w.name},
          View<double, 3>{a.data, {1, n, n}, a.device, a.name});
}

}  // namespace

std::vector<double> sorted_rows(std::span<const double> rows, int64_t width) {
  std::vector<std::span<const double>> order;
  for (size_t begin = 0; begin < rows.size(); begin += width) order.push_back(rows.subspan(begin, width));
  std::ranges::sort(order, [](auto a, auto b) { return std::ranges::lexicographical_compare(a, b); });
  std::vector<double> sorted;
  sorted.reserve(rows.size());
  for (const auto& row : order) sorted.insert(sorted.end(), row.begin(), row.end());
  return sorted;
}

template <class T>
LastLayerNtk::LastLayerNtk(Context& context, View<const T, 2> features, const HostMatrix<T>& host,
                           std::span<const int64_t> labeled, std::span<const int64_t> unlabeled,
                           const Progress& progress)
    : context_(context), device_(features), width_(host.width + 1) {
  row_ = [&host](int64_t item, std::span<double> a) {
    std::ranges::copy(host[item], a.begin());
    a.back() = 1;
  };
  std::vector<double> low(width_, INFINITY), high(width_, -INFINITY);
  for (const auto& list : {labeled, unlabeled})
    for (int64_t item : list) {
      const auto h = host[item];
      for (int64_t d = 0; d < host.width; ++d)
        low[d] = std::min(low[d], double(h[d])), high[d] = std::max(high[d], double(h[d]));
    }
  low.back() = high.back() = 1;
  take_bounds(low, high);
  find_rank(labeled, unlabeled, progress);
}

template LastLayerNtk::LastLayerNtk(Context&, View<const float, 2>, const HostMatrix<float>&, std::span<const int64_t>,
                                    std::span<const int64_t>, const Progress&);
template LastLayerNtk::LastLayerNtk(Context&, View<const double, 2>, const HostMatrix<double>&,
                                    std::span<const int64_t>, std::span<const int64_t>, const Progress&);

LastLayerNtk::LastLayerNtk(Context& context, const ShardedRows& features, std::span<const int64_t> labeled,
                           std::span<const int64_t> unlabeled, const Config& config)
    : context_(context), width_(features.columns() + 1) {
  const int64_t all = int64_t(labeled.size() + unlabeled.size());
  int64_t own = 0, done = 0;
  for (const auto& list : {labeled, unlabeled}) own += int64_t(features.own(list).size());
  // f(rows [n,D+1]) of all own rows, block by block.
  const Pass pass = [&](const char* what, double scale, const std::function<void(std::span<const double>)>& f) {
    std::vector<double> a;
    done = 0;
    for (const auto& list : {labeled, unlabeled})
      features.each_block<double>(features.own(list), [&](Items items, std::span<const double> rows) {
        report(config.progress, what, done, own);
        done += int64_t(items.size());
        const int64_t width = width_ - 1;
        a.resize(items.size() * size_t(width_));
        for (int64_t k = 0; k < int64_t(items.size()); ++k) {
          for (int64_t d = 0; d < width; ++d) a[k * width_ + d] = rows[k * width + d] * scale;
          a[k * width_ + width] = scale;
        }
        f(a);
      });
  };
  std::vector<double> bounds = completed(config, "the bounds of the features", [&] {
    std::vector<double> found(2 * size_t(width_), -INFINITY);  // of a, and of -a
    pass("rows for their bounds", 1, [&](std::span<const double> a) {
      for (auto row = a.begin(); row != a.end(); row += width_)
        for (int64_t d = 0; d < width_; ++d) {
          found[d] = std::max(found[d], row[d]);
          found[width_ + d] = std::max(found[width_ + d], -row[d]);
        }
    });
    features.ranks().largest(found);
    return found;
  });
  const std::span<double> high = std::span(bounds).first(size_t(width_)), low = std::span(bounds).last(size_t(width_));
  for (double& value : low) value = -value;
  take_bounds(low, high);
  const std::vector<double> range = completed(config, "the moment matrix of the pool", [&] {
    find_rank(features, all, pass);
    std::vector<double> found{double(rank_)};
    found.insert(found.end(), basis_.begin(), basis_.end());
    return found;
  });
  rank_ = int64_t(range[0]), basis_.assign(range.begin() + 1, range.end());
}

void LastLayerNtk::find_rank(const ShardedRows& features, int64_t rows, const Pass& pass) {
  std::vector<double> moment(size_t(width_ * width_), 0);
  Context host = host_of(context_);
  pass("rows of the moment matrix", scale_, [&](std::span<const double> a) {
    const View<const double, 2> view{a.data(), {int64_t(a.size()) / width_, width_}, {}, "rows"};
    gemm(host, View<double, 2>{moment.data(), {width_, width_}, {}, "moment matrix"}, view, view,
         GemmConfig{.transpose_a = true, .beta = 1});
  });
  features.ranks().sum(moment);
  std::vector<double> values(static_cast<size_t>(width_));
  eigenvalues(host, {values.data(), {width_}, {}, "eigenvalues"},
              {moment.data(), {width_, width_}, {}, "moment matrix"});
  decide_rank(values, [&] {
    ExactMoment exact(largest_, rows);
    pass("rows of the exact moment matrix", scale_, [&](std::span<const double> a) { exact.add(a); });
    exact.sum(features.ranks());
    return exact;
  });
}

template <class T>
LastLayerNtk LastLayerNtk::over(View<const T, 2> features, const HostMatrix<T>& host, Spectra* spectra) const {
  LastLayerNtk some = *this;
  some.device_ = features;
  some.spectra_ = spectra;
  some.row_ = [&host](int64_t item, std::span<double> a) {
    std::ranges::copy(host[item], a.begin());
    a.back() = 1;
  };
  return some;
}
template LastLayerNtk LastLayerNtk::over(View<const float, 2>, const HostMatrix<float>&, Spectra*) const;
template LastLayerNtk LastLayerNtk::over(View<const double, 2>, const HostMatrix<double>&, Spectra*) const;

void LastLayerNtk::take_bounds(std::span<const double> low, std::span<const double> high) {
  for (int64_t d = 0; d < width_; ++d) {
    constant_features_ += d + 1 < width_ && low[d] == high[d];
    largest_.push_back(std::max(std::abs(low[d]), std::abs(high[d])));
  }
  int exponent = 0;
  std::frexp(std::ranges::max(largest_), &exponent);
  scale_ = std::ldexp(1.0, -exponent);
  for (double& bound : largest_) bound *= scale_;
}

// f(rows [n,D+1]) of all items, block by block, from the rows that are on the device already.
void LastLayerNtk::each_block(Items items, const std::function<void(int64_t, View<const double, 2>)>& f) const {
  const int64_t all = int64_t(items.size());
  const Tensor index = on_device(context_, items),
               augmented(context_, {std::min(kRowsAtOnce, all), width_}, Dtype::f64, "augmented features");
  for (int64_t begin = 0; begin < all; begin += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, all - begin);
    const auto a = augmented.view<double, 2>().slice(0, count);
    const auto some = index.view<const int64_t, 1>().slice(begin, begin + count);
    std::visit([&](const auto& h) { augmented_rows(context_, a, h, some, scale_); }, device_);
    f(begin, a);
  }
}

void LastLayerNtk::find_rank(Items labeled, Items unlabeled, const Progress& progress) {
  std::vector<int64_t> items(labeled.begin(), labeled.end());
  items.insert(items.end(), unlabeled.begin(), unlabeled.end());
  const Tensor moment(context_, {width_, width_}, Dtype::f64, "moment matrix"),
      values(context_, {width_}, Dtype::f64, "its eigenvalues");
  each_block(items, [&](int64_t begin, View<const double, 2> a) {
    report(progress, "rows of the moment matrix", begin, int64_t(items.size()));
    gemm(context_, moment.view<double, 2>(), a, a, GemmConfig{.transpose_a = true, .beta = begin == 0 ? 0.0 : 1.0});
  });
  eigenvalues(context_, values.view<double, 1>(), moment.view<double, 2>());
  decide_rank(values.to_host<double>(context_), [&] { return moment_of(items); });
}

// The rank alone needs no exact sum; a basis of the range, where there is one to be found, does. What is full by twice
// the tolerance is so in any order of summation, and in any library's eigenvalues.
void LastLayerNtk::decide_rank(std::span<const double> values, const std::function<ExactMoment()>& exact) {
  const auto above = [&](std::span<const double> of, double tolerance) {
    return std::ranges::count_if(of, [&](double value) { return value > tolerance * of.back(); });
  };
  rank_ = width_;
  if (above(values, 2 * kRankTolerance) == width_) return;
  std::vector<double> vectors = exact().matrix(), exactly(static_cast<size_t>(width_));
  symmetric_eigenvectors(width_, vectors.data(), exactly.data());
  rank_ = above(exactly, kRankTolerance);
  if (rank_ < width_) basis_.assign(vectors.end() - rank_ * width_, vectors.end());
}

ExactMoment LastLayerNtk::moment_of(Items items) const {
  ExactMoment moment(largest_, int64_t(items.size()), context_);
  each_block(items, [&](int64_t, View<const double, 2> a) { moment.add_rows(a); });
  return moment;
}

std::shared_ptr<const LabeledSpectrum> LastLayerNtk::spectrum(std::span<const int64_t> labeled) const {
  if (!spectra_) return std::make_shared<LabeledSpectrum>(moment_spectrum(labeled));
  if (!spectra_->moment) spectra_->moment = std::make_shared<LabeledSpectrum>(moment_spectrum(labeled));
  return spectra_->moment;
}

std::shared_ptr<const LabeledSpectrum> LastLayerNtk::singular_spectrum(std::span<const int64_t> labeled) const {
  if (!spectra_) return std::make_shared<LabeledSpectrum>(row_spectrum(labeled));
  if (!spectra_->singular) spectra_->singular = std::make_shared<LabeledSpectrum>(row_spectrum(labeled));
  return spectra_->singular;
}

LabeledSpectrum LastLayerNtk::moment_spectrum(Items labeled) const {
  LabeledSpectrum s;
  std::vector<double> vectors = moment_of(labeled).matrix();
  if (!basis_.empty())
    vectors = product(product(basis_, vectors, rank_, width_, width_), transposed(basis_, rank_, width_), rank_, width_,
                      rank_);
  s.lambda.resize(rank_);
  symmetric_eigenvectors(rank_, vectors.data(), s.lambda.data());
  const int64_t zeros = std::max<int64_t>(0, rank_ - int64_t(labeled.size()));
  std::fill_n(s.lambda.begin(), zeros, 0.0);
  for (double& value : s.lambda) value = std::max(value, 0.0);
  s.rank = {s.lambda, int64_t(labeled.size()), rank_, noise(std::max(int64_t(labeled.size()), width_))};
  s.rotation = rotation_of(std::move(vectors));
  return s;
}

// Rows stand in the order of their entries, so that the bits do not depend on the items' numbers.
LabeledSpectrum LastLayerNtk::row_spectrum(Items labeled) const {
  const int64_t n = int64_t(labeled.size());
  std::vector<double> rows = sorted_rows(coordinates(labeled).to_host<double>(context_), rank_);
  std::vector<double> values(std::min(n, rank_)), vectors(rank_ * rank_);
  singular_vectors(n, rank_, rows.data(), values.data(), vectors.data());
  LabeledSpectrum s;
  s.lambda.resize(rank_);
  for (int64_t k = 0; k < int64_t(values.size()); ++k) s.lambda[rank_ - 1 - k] = values[k] * values[k];
  std::vector<double> ascending;
  for (int64_t k = rank_; k-- > 0;)
    ascending.insert(ascending.end(), vectors.begin() + k * rank_, vectors.begin() + (k + 1) * rank_);
  s.rotation = rotation_of(std::move(ascending));
  s.rank = {s.lambda, n, rank_, row_noise(n) * row_noise(n)};
  return s;
}

Tensor LastLayerNtk::rotation_of(std::vector<double> vectors) const {
  if (!basis_.empty()) vectors = product(vectors, basis_, rank_, rank_, width_);
  return Tensor::from_host(context_, {width_, rank_}, transposed(vectors, rank_, width_).data(), "rotation");
}

void LastLayerNtk::rotate_into(const Tensor& v, Items items, const Tensor& rotation) const {
  const Tensor index = on_device(context_, items);
  std::visit(
      [&](const auto& h) {
        rotate_rows(context_, v.view<double, 2>(), h, index.view<const int64_t, 1>(), rotation.view<const double, 2>(),
                    scale_);
      },
      device_);
  context_.synchronize();
}

Tensor LastLayerNtk::coordinates(std::span<const int64_t> items, const Tensor* rotation) const {
  const Tensor basis =
      rotation
          ? Tensor()
          : Tensor::from_host(context_, {width_, rank_},
                              (basis_.empty() ? identity(width_) : transposed(basis_, rank_, width_)).data(), "basis");
  Tensor v(context_, {int64_t(items.size()), rank_}, Dtype::f64, "coordinates");
  rotate_into(v, items, rotation ? *rotation : basis);
  return v;
}

std::shared_ptr<const Tensor> LastLayerNtk::kept_coordinates(std::span<const int64_t> items,
                                                             const Tensor& rotation) const {
  const std::vector<int64_t> shape{int64_t(items.size()), rank_};
  if (!kept_ || kept_.use_count() > 1 || kept_->shape() != shape)
    kept_.reset(), kept_ = std::make_shared<Tensor>(context_, shape, Dtype::f64, "coordinates");
  rotate_into(*kept_, items, rotation);
  return kept_;
}

std::vector<double> LastLayerNtk::squared_norms(std::span<const int64_t> items) const {
  std::vector<double> norms, a(width_);
  for (int64_t item : items) {
    row_(item, a);
    double total = 0;
    for (double value : a) total += value * scale_ * (value * scale_);
    norms.push_back(total);
  }
  return norms;
}

}  // namespace crc::select
