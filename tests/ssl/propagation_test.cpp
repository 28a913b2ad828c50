// Label propagation against the equation, solved densely.
#include "ssl/propagation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/expect_error.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

using Matrix = std::vector<std::vector<double>>;

constexpr int64_t kItems = 60, kWidth = 5, kClasses = 3, kOthers = 7;

std::vector<float> cloud(int64_t n, uint32_t seed) {
  std::vector<float> rows = uniform(n * kWidth, seed);
  for (int64_t i = 0; i < n; ++i) rows[size_t(i * kWidth + i % kClasses)] += 2;
  return rows;
}

double distance(const ssl::GraphConfig& config, const float* a, const float* b) {
  double inner = 0, a2 = 0, b2 = 0;
  for (int64_t d = 0; d < kWidth; ++d)
    inner += double(a[d]) * b[d], a2 += double(a[d]) * a[d], b2 += double(b[d]) * b[d];
  return config.affinity == ssl::Affinity::cosine ? 1 - inner / std::sqrt(a2 * b2) : a2 + b2 - 2 * inner;
}

std::vector<int64_t> nearest(const std::vector<double>& distances, int64_t k, int64_t but) {
  std::vector<int64_t> order(distances.size());
  std::iota(order.begin(), order.end(), 0);
  std::erase(order, but);
  std::ranges::stable_sort(order, {}, [&](int64_t j) { return distances[size_t(j)]; });
  order.resize(size_t(k));
  return order;
}

// Gauss and Jordan.
Matrix solve(Matrix a, Matrix b) {
  const size_t n = a.size();
  for (size_t p = 0; p < n; ++p) {
    size_t pivot = p;
    for (size_t i = p; i < n; ++i)
      if (std::abs(a[i][p]) > std::abs(a[pivot][p])) pivot = i;
    std::swap(a[p], a[pivot]), std::swap(b[p], b[pivot]);
    for (size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double f = a[i][p] / a[p][p];
      for (size_t j = 0; j < n; ++j) a[i][j] -= f * a[p][j];
      for (size_t c = 0; c < b[i].size(); ++c) b[i][c] -= f * b[p][c];
    }
  }
  for (size_t i = 0; i < n; ++i)
    for (double& v : b[i]) v /= a[i][i];
  return b;
}

std::vector<double> log_shares(const Matrix& scores) {
  std::vector<double> logits;
  for (const auto& row : scores) {
    const double total = std::accumulate(row.begin(), row.end(), 0.0);
    for (const double v : row) logits.push_back(std::log(std::max(v / total, 1e-6)));
  }
  return logits;
}

struct Expected {
  std::vector<double> pool, others;
};

Expected by_equation(const ssl::GraphConfig& config, const std::vector<float>& pool, const std::vector<float>& others,
                     const std::vector<int32_t>& labels) {
  const auto row = [](const std::vector<float>& rows, int64_t i) { return rows.data() + i * kWidth; };
  Matrix d(kItems, std::vector<double>(kItems)), w(kItems, std::vector<double>(kItems, 0));
  std::vector<std::vector<int64_t>> near;
  double last = 0;
  for (int64_t i = 0; i < kItems; ++i) {
    for (int64_t j = 0; j < kItems; ++j) d[i][j] = distance(config, row(pool, i), row(pool, j));
    near.push_back(nearest(d[i], config.neighbors, i));
    last += d[i][near[i].back()] / kItems;
  }
  const auto weight = [&](double x) {
    return config.affinity == ssl::Affinity::cosine ? std::pow(std::max(1 - x, 0.0), 3) : std::exp(-x / last);
  };
  for (int64_t i = 0; i < kItems; ++i)
    for (const int64_t j : near[i]) w[i][j] = w[j][i] = weight(d[i][j]);
  std::vector<double> degree;
  for (const auto& weights : w) degree.push_back(std::accumulate(weights.begin(), weights.end(), 0.0));
  Matrix a(kItems, std::vector<double>(kItems)), y(kItems, std::vector<double>(kClasses, 0));
  for (int64_t i = 0; i < kItems; ++i) {
    for (int64_t j = 0; j < kItems; ++j) a[i][j] = (i == j) - config.alpha * w[i][j] / std::sqrt(degree[i] * degree[j]);
    if (labels[i] >= 0) y[i][labels[i]] = 1;
  }
  const Matrix f = solve(a, y);
  Matrix g(kOthers, std::vector<double>(kClasses, 0));
  for (int64_t i = 0; i < kOthers; ++i) {
    std::vector<double> to;
    for (int64_t j = 0; j < kItems; ++j) to.push_back(distance(config, row(others, i), row(pool, j)));
    for (const int64_t j : nearest(to, config.neighbors, -1))
      for (int64_t c = 0; c < kClasses; ++c) g[i][c] += weight(to[j]) / std::sqrt(degree[j]) * f[j][c];
  }
  return {log_shares(f), log_shares(g)};
}

class PropagationOn : public OnDevice {
 protected:
  ssl::ImageSet set(Context& on, const std::vector<float>& rows) const {
    const std::vector<int32_t> unknown(rows.size() / kWidth, -1);
    return {on, int64_t(unknown.size()), kWidth, {rows.data()}, unknown.data()};
  }
};

TEST_P(PropagationOn, EqualsTheEquation) {
  const std::vector<float> pool = cloud(kItems, 1), others = cloud(kOthers, 2);
  std::vector<int32_t> labels(kItems, -1);
  for (const int64_t i : {0, 1, 2, 31}) labels[size_t(i)] = int32_t(i % kClasses);
  const ssl::ImageSet items = set(context, pool), more = set(context, others);
  for (const ssl::Affinity affinity : {ssl::Affinity::cosine, ssl::Affinity::rbf})
    for (const double alpha : {0.0, 0.5, 0.99}) {
      const ssl::GraphConfig config{.neighbors = 6, .affinity = affinity, .alpha = alpha, .tolerance = 1e-10};
      ssl::Propagation propagation(context, items, kClasses, config);
      const Expected expected = by_equation(config, pool, others, labels);
      const auto near = [&](const Tensor& logits, const std::vector<double>& values) {
        const std::vector<float> got = logits.to_host<float>(context);
        ASSERT_EQ(got.size(), values.size());
        // An item that no label reaches has no shares to compare.
        for (size_t i = 0; i < got.size(); ++i) {
          if (!std::isfinite(values[i])) continue;
          EXPECT_NEAR(got[i], values[i], 1e-4) << i << " alpha " << alpha;
        }
      };
      near(propagation.predict(labels, items).logits, expected.pool);
      near(propagation.predict(labels, more).logits, expected.others);
      EXPECT_EQ(propagation.predict(labels, more, 3).logits.shape(), (std::vector<int64_t>{3, kClasses}));
      ssl::Propagation again(context, items, kClasses, config);
      const ssl::Neighbors found = propagation.neighbors();
      again.take(found.distances, found.places, "a file");
      EXPECT_EQ(again.predict(labels, items).logits.to_host<float>(context),
                propagation.predict(labels, items).logits.to_host<float>(context));
    }
}

TEST(Propagation, HasTheSameBitsForAnyNumberOfThreads) {
  std::vector<float> first;
  std::vector<int32_t> labels(500, -1);
  labels[3] = 0, labels[4] = 1, labels[5] = 2;
  for (const int threads : {1, 2, 3}) {
    Context context = Context::cpu(threads);
    const std::vector<float> rows = cloud(500, 3);
    const ssl::ImageSet items(context, 500, kWidth, {rows.data()}, labels.data());
    ssl::Propagation propagation(context, items, kClasses, {});
    const std::vector<float> logits = propagation.predict(labels, items).logits.to_host<float>(context);
    if (first.empty()) first = logits;
    EXPECT_EQ(logits, first) << threads;
  }
}

TEST(Propagation, RefusesWhatIsNoGraphOfThePool) {
  Context context = Context::cpu();
  const std::vector<float> rows = cloud(4, 1);
  const std::vector<int32_t> labels(4, -1);
  const ssl::ImageSet items(context, 4, kWidth, {rows.data()}, labels.data());
  ssl::Propagation propagation(context, items, kClasses, {});  // three neighbours: all
  expect_error(ExitCode::corrupt_data, {"graph.st does not hold 3 neighbours for each of 4 items"}, [&] {
    propagation.take({0, 0}, {1, 2}, "graph.st");
  });
  expect_error(ExitCode::corrupt_data, {"graph.st"},
               [&] { propagation.take(std::vector<double>(12), std::vector<int64_t>(12, 4), "graph.st"); });
  const ssl::ImageSet one(context, 1, kWidth, {rows.data()}, labels.data());
  expect_error(ExitCode::config, {"two items"}, [&] { ssl::Propagation(context, one, kClasses, {}); });
}

CRC_ON_EACH_DEVICE(PropagationOn);

}  // namespace
}  // namespace crc::test
