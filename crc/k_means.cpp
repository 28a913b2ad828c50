#include "crc/k_means.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops/min_distance.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int kMostRounds = 100;
constexpr double kTolerance = 1e-4;

class KMeans {
 public:
  KMeans(Context& context, View<const float, 2> rows, const Progress& progress)
      : context_(context),
        rows_(rows),
        n_(rows.shape[0]),
        width_(rows.shape[1]),
        progress_(progress),
        values_(context, {n_, 1}, Dtype::f64, "distances"),
        places_(context, {n_, 1}, Dtype::i64, "nearest centres") {
    if (rows.device.kind == DeviceKind::cpu) {
      host_ = {rows.data, size_t(rows.size())};
    } else {
      copy_.resize(size_t(rows.size()));
      context.copy_out(copy_.data(), rows);
      host_ = copy_;
    }
  }

  // Until there are k, or all rows are centres or their copies.
  void plus_plus(int64_t k, Draws& draws) {
    const std::vector<double> far(size_t(n_), INFINITY);
    const Tensor nearest = Tensor::from_host(context_, {n_}, far.data(), "squared distances");
    int64_t next = std::min(n_ - 1, int64_t(draws.uniform53() * double(n_)));
    while (true) {
      centers_.insert(centers_.end(), row(next), row(next) + width_);
      report(progress_, "first centres", count(), k);
      if (count() == k) return;
      min_distance(context_, nearest.view<double, 1>(), rows_, rows_.slice(next, next + 1));
      if ((next = draw_place(nearest.to_host<double>(context_), draws)) < 0) return;
    }
  }

  void lloyd() {
    const double most_shift = kTolerance * mean_variance();
    std::vector<int64_t> before;
    for (int round = 0; round < kMostRounds; ++round) {
      report(progress_, "k-means, at most", round, kMostRounds);
      assign();
      if (of_ == before) return;
      before = of_;
      if (update() <= most_shift) break;
    }
    assign();
  }

  Clusters clusters() { return {count(), std::move(of_), std::move(distances_)}; }

 private:
  const float* row(int64_t i) const { return host_.data() + i * width_; }
  int64_t count() const { return width_ == 0 ? 1 : int64_t(centers_.size()) / width_; }

  void assign() {
    const Tensor centers = Tensor::from_host(context_, {count(), width_}, centers_.data(), "centres");
    pairwise_least(context_, values_.view<double, 2>(), places_.view<int64_t, 2>(), rows_,
                   centers.view<const float, 2>(), Pairing{});
    distances_ = values_.to_host<double>(context_);
    of_ = places_.to_host<int64_t>(context_);
    fill_empty();
  }
  // The farthest items, of equally far ones the first, go to clusters that have none.
  void fill_empty() {
    std::vector<int64_t> sizes(size_t(count()), 0);
    for (int64_t c : of_) ++sizes[c];
    for (int64_t c = 0; c < count(); ++c) {
      if (sizes[c] > 0) continue;
      const auto farthest = std::ranges::max_element(distances_) - distances_.begin();
      if (!(distances_[farthest] > 0)) return;
      --sizes[of_[farthest]], ++sizes[c];
      of_[farthest] = c, distances_[farthest] = 0;
    }
  }
  // Centres to means; the sum of their squared shifts.
  double update() {
    std::vector<double> sums(centers_.size());
    std::vector<int64_t> sizes(size_t(count()), 0);
    for (int64_t i = 0; i < n_; ++i) {
      double* sum = &sums[of_[i] * width_];
      const float* x = row(i);
      for (int64_t d = 0; d < width_; ++d) sum[d] += double(x[d]);
      ++sizes[of_[i]];
    }
    double shift = 0;
    for (int64_t c = 0; c < count(); ++c)
      for (int64_t d = 0; d < width_ && sizes[c] > 0; ++d) {
        float& center = centers_[c * width_ + d];
        const float mean = float(sums[c * width_ + d] / double(sizes[c]));
        shift += (double(mean) - double(center)) * (double(mean) - double(center));
        center = mean;
      }
    return shift;
  }
  double mean_variance() const {
    std::vector<double> sum(size_t(width_), 0), square(size_t(width_), 0);
    for (int64_t i = 0; i < n_; ++i)
      for (int64_t d = 0; d < width_; ++d) sum[d] += double(row(i)[d]);
    for (double& s : sum) s /= double(n_);
    for (int64_t i = 0; i < n_; ++i)
      for (int64_t d = 0; d < width_; ++d) square[d] += (double(row(i)[d]) - sum[d]) * (double(row(i)[d]) - sum[d]);
    double total = 0;
    for (double s : square) total += s / double(n_);
    return width_ > 0 ? total / double(width_) : 0;
  }

  Context& context_;
  View<const float, 2> rows_;
  int64_t n_, width_;
  const Progress& progress_;
  std::span<const float> host_;        // the rows
  std::vector<float> copy_, centers_;  // the rows of a GPU
  std::vector<double> distances_;
  std::vector<int64_t> of_;
  Tensor values_, places_;
};

}  // namespace

std::vector<std::vector<int64_t>> Clusters::members() const {
  std::vector<std::vector<int64_t>> lists(static_cast<size_t>(count));
  for (size_t i = 0; i < of.size(); ++i) lists[of[i]].push_back(int64_t(i));
  return lists;
}

Clusters k_means(Context& context, View<const float, 2> rows, int64_t k, uint32_t seed, int64_t round,
                 const Progress& progress) {
  constexpr int64_t kOfNoItem = -1;  // item numbers have draws of their own (crc/ties.h)
  Draws draws(seed, Purpose::acquisition, kOfNoItem, round);
  KMeans means(context, rows, progress);
  means.plus_plus(k, draws);
  means.lloyd();
  return means.clusters();
}

int64_t draw_place(std::span<const double> weights, Draws& draws) {
  double total = 0;
  for (double w : weights) total += w;
  const double target = draws.uniform53() * total;
  double sum = 0;
  int64_t last = -1;
  for (int64_t i = 0; i < int64_t(weights.size()); ++i) {
    if (!(weights[i] > 0)) continue;
    last = i;
    if ((sum += weights[i]) > target) break;
  }
  return last;
}

}  // namespace crc::select
