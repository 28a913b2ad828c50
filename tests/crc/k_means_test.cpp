// k-means against its plain form: every row at every centre in every round.
#include "crc/k_means.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops/min_distance.h"
#include "kernels/ops/pairwise_tile.h"
#include "tests/kernels/arrays.h"

namespace crc::test {
namespace {

struct PlainKMeans {
  std::vector<float> centers;
  std::vector<int64_t> of;
  std::vector<double> distances;
  int64_t count = 0;
};

void plain_seeds(PlainKMeans& plain, Context& context, View<const float, 2> rows, int64_t k, uint32_t seed) {
  const int64_t n = rows.shape[0], width = rows.shape[1];
  Draws draws(seed, Purpose::acquisition, -1, 0);
  const std::vector<double> far(size_t(n), INFINITY);
  const Tensor nearest = Tensor::from_host(context, {n}, far.data(), "nearest");
  int64_t next = std::min(n - 1, int64_t(draws.uniform53() * double(n)));
  for (plain.count = 1;; ++plain.count) {
    plain.centers.insert(plain.centers.end(), rows.data + next * width, rows.data + (next + 1) * width);
    if (plain.count == k) return;
    min_distance(context, nearest.view<double, 1>(), rows, rows.slice(next, next + 1));
    next = select::draw_place(nearest.to_host<double>(context), draws);
    if (next < 0) return;
  }
}

void plain_assign(PlainKMeans& plain, Context& context, View<const float, 2> rows) {
  const int64_t n = rows.shape[0];
  const Tensor values(context, {n, 1}, Dtype::f64, "distances"), places(context, {n, 1}, Dtype::i64, "places"),
      centers = Tensor::from_host(context, {plain.count, rows.shape[1]}, plain.centers.data(), "centres");
  pairwise_least(context, values.view<double, 2>(), places.view<int64_t, 2>(), rows, centers.view<const float, 2>(),
                 Pairing{});
  plain.distances = values.to_host<double>(context), plain.of = places.to_host<int64_t>(context);
  std::vector<int64_t> sizes(size_t(plain.count), 0);
  for (int64_t c : plain.of) ++sizes[size_t(c)];
  for (int64_t c = 0; c < plain.count; ++c) {
    if (sizes[size_t(c)] > 0) continue;
    const auto at = size_t(std::ranges::max_element(plain.distances) - plain.distances.begin());
    if (!(plain.distances[at] > 0)) return;
    --sizes[size_t(plain.of[at])], ++sizes[size_t(c)];
    plain.of[at] = c, plain.distances[at] = 0;
  }
}

double plain_update(PlainKMeans& plain, View<const float, 2> rows) {
  const int64_t width = rows.shape[1];
  std::vector<double> sums(plain.centers.size(), 0), sizes(size_t(plain.count), 0);
  for (int64_t i = 0; i < rows.shape[0]; ++i) {
    const int64_t c = plain.of[size_t(i)];
    ++sizes[size_t(c)];
    for (int64_t d = 0; d < width; ++d) sums[size_t(c * width + d)] += double(rows(i, d));
  }
  double shift = 0;
  for (size_t e = 0; e < sums.size(); ++e) {
    const double size = sizes[e / size_t(width)];
    if (size == 0) continue;
    const float mean = float(sums[e] / size);
    shift += (double(mean) - double(plain.centers[e])) * (double(mean) - double(plain.centers[e]));
    plain.centers[e] = mean;
  }
  return shift;
}

double mean_variance(View<const float, 2> rows) {
  const int64_t n = rows.shape[0], width = rows.shape[1];
  double all = 0;
  for (int64_t d = 0; d < width; ++d) {
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; ++i) mean += double(rows(i, d));
    mean /= double(n);
    for (int64_t i = 0; i < n; ++i) square += (double(rows(i, d)) - mean) * (double(rows(i, d)) - mean);
    all += square / double(n);
  }
  return all / double(width);
}

PlainKMeans plain_k_means(Context& context, View<const float, 2> rows, int64_t k, uint32_t seed) {
  PlainKMeans plain;
  plain_seeds(plain, context, rows, k, seed);
  const double most_shift = 1e-4 * mean_variance(rows);
  for (int round = 0; round < 100; ++round) {
    const std::vector<int64_t> before = plain.of;
    plain_assign(plain, context, rows);
    if (round > 0 && plain.of == before) return plain;
    if (plain_update(plain, rows) <= most_shift) break;
  }
  plain_assign(plain, context, rows);
  return plain;
}

// Pools in which bounds are tight, loose, or decide nothing.
std::vector<float> odd_rows(uint32_t p, int64_t n, int64_t width) {
  Draws draws(p, Purpose::test, 1, 0);
  const uint32_t kind = p % 8;
  const int64_t clusters = 1 + draws.below(40);
  std::vector<float> centers(size_t(clusters * width)), rows;
  for (float& x : centers) x = 4 * float(draws.uniform53()) - 2;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t of = draws.below(uint32_t(clusters));
    for (int64_t d = 0; d < width; ++d) {
      float x = centers[size_t(of * width + d)] + float(draws.uniform53() - 0.5) * (kind < 4 ? 1 : 0.1f);
      if (kind == 1) x = std::round(x);                                            // ties, and copies
      if (kind == 2) x = 1 + std::round(x) * 0x1p-23f;                             // ties but for the last bit
      if (kind == 3 && d % 2 == 0) x = 3;                                          // constant features
      if (kind == 5) x = std::ldexp(x, 40 * int(d % 3) - 40);                      // features of many sizes
      if (kind == 6) x += 1000;                                                    // far from the origin
      if (kind == 7) x = d == 0 ? float(i % 17) * 0.25f : d == 1 ? 1e-6f * x : 0;  // a line of rows halfway between
      rows.push_back(x);
    }
    if (i > 0 && p % 3 == 0 && draws.below(3) == 0) {  // a copy of an earlier row
      const int64_t from = draws.below(uint32_t(i));
      std::copy_n(rows.begin() + from * width, width, rows.end() - width);
    }
  }
  return rows;
}

void expect_plain(Context& context, uint32_t p, int64_t n, int64_t width, int64_t k, float scale = 1) {
  std::vector<float> values = odd_rows(p, n, width);
  for (float& x : values) x *= scale;
  const Tensor rows = Tensor::from_host(context, {n, width}, values.data(), "rows");
  const select::Clusters found = select::k_means(context, rows.view<const float, 2>(), k, p, 0);
  const PlainKMeans plain = plain_k_means(context, rows.view<const float, 2>(), k, p);
  ASSERT_EQ(found.count, plain.count) << "pool " << p;
  ASSERT_EQ(found.of, plain.of) << "pool " << p << ", " << n << " x " << width << ", k " << k;
  ASSERT_EQ(found.distances, plain.distances) << "pool " << p << ", " << n << " x " << width << ", k " << k;
}

TEST(KMeansBounds, SameBitsAsThePlainForm) {
  Context context = Context::cpu(2);
  for (uint32_t p = 0; p < 1000; ++p) {
    Draws draws(p, Purpose::test, 0, 0);
    const int64_t n = 1 + draws.below(400), width = 1 + draws.below(24);
    const int64_t k = p % 5 == 0 ? std::max<int64_t>(1, n - draws.below(3)) : 1 + draws.below(uint32_t(n));
    expect_plain(context, p, n, width, k);
    if (HasFatalFailure()) return;
  }
}

TEST(KMeansBounds, SameBitsInSeveralPieces) {
  Context context = Context::cpu(3);
  for (uint32_t p = 0; p < 8; ++p) {
    expect_plain(context, p, 2500, 40, 130);
    if (HasFatalFailure()) return;
  }
}

TEST(KMeansBounds, SameBitsOfManyFeatures) {
  Context context = Context::cpu(2);
  for (uint32_t p = 0; p < 24; ++p) {
    expect_plain(context, p, 600, 300, 20 + p);
    if (HasFatalFailure()) return;
  }
}

TEST(KMeansBounds, SameBitsWhereFp32CannotMultiply) {
  Context context = Context::cpu(2);
  for (uint32_t p = 0; p < 40; ++p) {
    if (p % 8 == 5) continue;  // of many sizes already
    expect_plain(context, p, 200, 20, 2 + p, std::ldexp(1.f, p % 2 == 0 ? 70 : -70));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace crc::test
