#include "ssl/propagation.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops/pairwise_tile.h"
#include "kernels/ops/propagate.h"
#include "ssl/inputs.h"

namespace crc::ssl {
namespace {

constexpr double kSmallestShare = 1e-6;  // of an item's scores: what the iteration does not resolve is no evidence

// The steps of Chebyshev's iteration on [1 - alpha, 1 + alpha] until |error| <= tolerance |first error|, by the bound
// 2 factor^t (Saad 2003, equation 6.128).
int64_t chebyshev_steps(double alpha, double tolerance) {
  if (alpha == 0) return 1;
  const double root = std::sqrt((1 + alpha) / (1 - alpha)), factor = (root - 1) / (root + 1);
  return std::max<int64_t>(1, int64_t(std::ceil(std::log(2 / tolerance) / -std::log(factor))));
}

// Shares of scores [N,C] as logits; an item that no label reaches is undecided.
std::vector<float> log_shares(const std::vector<double>& scores, int64_t classes) {
  std::vector<float> logits(scores.size());
  for (size_t begin = 0; begin < scores.size(); begin += size_t(classes)) {
    double total = 0;
    for (int64_t c = 0; c < classes; ++c) total += std::max(scores[begin + size_t(c)], 0.0);
    for (int64_t c = 0; c < classes; ++c) {
      const double share = total > 0 ? std::max(scores[begin + size_t(c)], 0.0) / total : 1 / double(classes);
      logits[begin + size_t(c)] = float(std::log(std::max(share, kSmallestShare)));
    }
  }
  return logits;
}

class LabelTable : public nn::Net {
 public:
  LabelTable(int64_t items, int64_t features, int64_t classes) : Net(features, classes, Dtype::f32, /*exact=*/true) {
    layout_.add({"labels", {items}, nn::ParamKind::bias, nn::Init::zeros, false});
  }
  void forward(Context&, const nn::Weights&, const nn::Activations&, Mode, View<float, 2>, View<float, 2>,
               nn::Saved*) const override {
    refuse();
  }
  void backward(Context&, const nn::Weights&, const nn::Weights&, View<const float, 2>, const nn::Saved&,
                View<const float, 2>) const override {
    refuse();
  }
  std::unique_ptr<nn::Saved> new_saved() const override { return nullptr; }
  nn::Program program() const override { return {}; }

 private:
  [[noreturn]] static void refuse() { fail_internal("label propagation has no network to run"); }
};

}  // namespace

Propagation::Propagation(Context& context, const ImageSet& pool, int64_t classes, const GraphConfig& config)
    : context_(context), pool_(pool), classes_(classes), config_(config) {
  if (pool.views() == 0) fail(ExitCode::config, "label propagation needs embeddings, and the items are images");
  config_.neighbors = std::min(config_.neighbors, pool.size() - 1);
  if (config_.neighbors < 1) fail(ExitCode::config, "label propagation needs two items at least");
}

Neighbors Propagation::nearest(View<const float, 2> rows, bool itself) {
  const int64_t n = rows.shape[0], k = config_.neighbors, found = std::min(k + itself, pool_.size());
  const Tensor values(context_, {n, found}, Dtype::f64, "distances"),
      places(context_, {n, found}, Dtype::i64, "places");
  pairwise_least(context_, values.view<double, 2>(), places.view<int64_t, 2>(), rows, pool_.rows(0),
                 Pairing{config_.affinity == Affinity::cosine ? Measure::cosine : Measure::squared, 1});
  const std::vector<double> value = values.to_host<double>(context_);
  const std::vector<int64_t> place = places.to_host<int64_t>(context_);
  Neighbors list{k, {}, {}};
  for (int64_t i = 0; i < n; ++i) {
    int64_t taken = 0;
    for (int64_t s = i * found; s < (i + 1) * found && taken < k; ++s) {
      if (itself && place[size_t(s)] == i) continue;  // copies may come first
      list.distances.push_back(value[size_t(s)]);
      list.places.push_back(place[size_t(s)]);
      ++taken;
    }
  }
  return list;
}

const Neighbors& Propagation::neighbors() {
  if (pool_neighbors_.k == 0) pool_neighbors_ = nearest(pool_.rows(0), /*itself=*/true);
  return pool_neighbors_;
}

void Propagation::take(std::vector<double> distances, std::vector<int64_t> places, const std::string& source) {
  const size_t expected = size_t(pool_.size() * config_.neighbors);
  const auto outside = [&](int64_t place) { return place < 0 || place >= pool_.size(); };
  if (distances.size() != expected || places.size() != expected || std::ranges::any_of(places, outside))
    fail(ExitCode::corrupt_data, source + " does not hold " + std::to_string(config_.neighbors) +
                                     " neighbours for each of " + std::to_string(pool_.size()) + " items; remove it");
  pool_neighbors_ = {config_.neighbors, std::move(distances), std::move(places)};
}

double Propagation::affinity(double distance) const {
  if (config_.affinity == Affinity::rbf) return exp_minus(distance / width_);
  const double cosine = std::max(1 - distance, 0.0);
  return cosine * cosine * cosine;
}

Propagation::Graph Propagation::upload(const std::vector<int64_t>& begin, const std::vector<int64_t>& columns,
                                       const std::vector<double>& weights) {
  return {Tensor::from_host(context_, {int64_t(begin.size())}, begin.data(), "graph rows"),
          Tensor::from_host(context_, {int64_t(columns.size())}, columns.data(), "graph columns"),
          Tensor::from_host(context_, {int64_t(weights.size())}, weights.data(), "graph weights")};
}

// W(i,j) = W(j,i) is that of the distance, whichever of the two lists the other.
void Propagation::join() {
  const Neighbors& near = neighbors();
  const int64_t n = pool_.size(), k = near.k;
  double last = 0;
  for (int64_t i = 0; i < n; ++i) last += near.distances[size_t(i * k + k - 1)];
  width_ = last > 0 ? last / double(n) : 1;
  std::vector<std::vector<std::pair<int64_t, double>>> rows(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t s = i * k; s < (i + 1) * k; ++s) {
      const int64_t j = near.places[size_t(s)];
      const double weight = affinity(near.distances[size_t(s)]);
      rows[size_t(i)].emplace_back(j, weight);
      rows[size_t(j)].emplace_back(i, weight);
    }
  std::vector<int64_t> begin{0}, columns;
  std::vector<double> weights;
  degrees_.clear();
  for (auto& row : rows) {
    std::ranges::sort(row);
    row.erase(std::unique(row.begin(), row.end(), [](auto& a, auto& b) { return a.first == b.first; }), row.end());
    double degree = 0;
    for (const auto& [j, weight] : row) degree += weight, columns.push_back(j), weights.push_back(weight);
    degrees_.push_back(degree);
    begin.push_back(int64_t(columns.size()));
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t e = begin[size_t(i)]; e < begin[size_t(i) + 1]; ++e)
      if (weights[size_t(e)] > 0)
        weights[size_t(e)] /= std::sqrt(degrees_[size_t(i)] * degrees_[size_t(columns[size_t(e)])]);
  graph_ = std::make_unique<Graph>(upload(begin, columns, weights));
}

Propagation::Graph Propagation::links(const ImageSet& images) {
  const Neighbors near = nearest(images.rows(0), /*itself=*/false);
  std::vector<int64_t> begin{0};
  std::vector<double> weights;
  for (size_t e = 0; e < near.places.size(); ++e) {
    const double degree = degrees_[size_t(near.places[e])];
    weights.push_back(degree > 0 ? affinity(near.distances[e]) / std::sqrt(degree) : 0);
  }
  for (int64_t i = 1; i <= images.size(); ++i) begin.push_back(i * near.k);
  return upload(begin, near.places, weights);
}

// x_{t+1} = omega_{t+1} (alpha S x_t + Y) + (1 - omega_{t+1}) x_{t-1} from x_0 = 0, x_1 = Y, with
// omega_2 = 2 / (2 - alpha^2), omega_{t+1} = 1 / (1 - alpha^2 omega_t / 4) (Golub & Varga 1961, for a spectrum of
// alpha S within -+ alpha). The factor 1 - alpha of the scores drops out of their shares.
void Propagation::solve(const std::vector<int32_t>& labels) {
  if (labels == solved_for_ && scores_) return;
  if (!graph_) join();
  const int64_t n = pool_.size();
  std::vector<double> one_hot(size_t(n * classes_), 0.0);
  for (int64_t i = 0; i < n; ++i)
    if (labels[size_t(i)] >= 0) one_hot[size_t(i * classes_ + labels[size_t(i)])] = 1;
  const Tensor y = Tensor::from_host(context_, {n, classes_}, one_hot.data(), "labels as vectors");
  Tensor now = Tensor::from_host(context_, {n, classes_}, one_hot.data(), "scores"),
         before(context_, {n, classes_}, Dtype::f64, "scores before");
  const double alpha = config_.alpha;
  const int64_t steps = chebyshev_steps(alpha, config_.tolerance);
  double omega = 2 / (2 - alpha * alpha);
  for (int64_t t = 1; t < steps; ++t) {
    const auto to = before.view<double, 2>();  // x_{t-1} becomes x_{t+1}
    propagate(context_, to, now.view<double, 2>(), graph_->begin.view<int64_t, 1>(), graph_->columns.view<int64_t, 1>(),
              graph_->weights.view<double, 1>(), y.view<double, 2>(), to,
              PropagateConfig{.scale = omega * alpha, .a_scale = omega, .b_scale = 1 - omega});
    std::swap(now, before);
    omega = 1 / (1 - alpha * alpha * omega / 4);
  }
  scores_ = std::make_unique<Tensor>(std::move(now));
  solved_for_ = labels;
}

Prediction Propagation::predict(const std::vector<int32_t>& labels, const ImageSet& images, int64_t limit) {
  solve(labels);
  const int64_t all = images.size(), n = limit > 0 ? std::min(limit, all) : all;
  Prediction p{Tensor(context_, {n, images.channels()}, Dtype::f32, "features"), Tensor()};
  context_.copy(p.features.view<float, 2>(), images.rows(0).slice(0, n));
  std::vector<double> scores;
  if (&images == &pool_) {
    scores = scores_->to_host<double>(context_);
  } else if (n > 0) {
    auto at = links_.find(&images);
    if (at == links_.end()) at = links_.emplace(&images, links(images)).first;
    const Tensor found(context_, {all, classes_}, Dtype::f64, "scores");
    const auto to = found.view<double, 2>();
    propagate(context_, to, scores_->view<double, 2>(), at->second.begin.view<int64_t, 1>(),
              at->second.columns.view<int64_t, 1>(), at->second.weights.view<double, 1>(), to, to, PropagateConfig{});
    scores = found.to_host<double>(context_);
  }
  scores.resize(size_t(n * classes_));
  p.logits = Tensor::from_host(context_, {n, classes_}, log_shares(scores, classes_).data(), "logits");
  return p;
}

std::unique_ptr<nn::Net> make_label_table(int64_t items, int64_t features, int64_t classes) {
  return std::make_unique<LabelTable>(items, features, classes);
}

std::vector<int32_t> labels_of(Context& context, const nn::Net& table, const nn::Weights& weights) {
  const View<float, 1> values = weights.param<1>(table.layout(), 0);
  std::vector<float> labels(size_t(values.size()));
  context.copy_out(labels.data(), values);
  return {labels.begin(), labels.end()};
}

}  // namespace crc::ssl
