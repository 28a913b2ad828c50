#include "kernels/ops/outer_distance.h"

#include <cmath>

#include "kernels/ops/persample_gram.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class OuterDistance : public OnDevice {
 protected:
  struct Samples {
    int64_t n, classes, features;
    Guarded<float, 2> delta, h;
    Samples(Context& context, int64_t n_, int64_t c, int64_t d, const std::vector<float>& deltas,
            const std::vector<float>& rows)
        : n(n_), classes(c), features(d), delta(context, {n, c}, deltas, "delta"), h(context, {n, d}, rows, "h") {}
    View<const float, 2> q() const { return delta; }
    View<const float, 2> x() const { return h; }
  };
  std::vector<double> norms(const Samples& s) {
    Guarded<double, 1> squared(context, {s.n}, std::vector<double>(s.n, 3.0), "squared");
    outer_norms(context, squared.view(), s.q(), s.x());
    return squared.get();
  }
  std::vector<double> distances(const Samples& s, int64_t center) {
    const Guarded<double, 1> squared(context, {s.n}, norms(s), "squared");
    Guarded<double, 1> nearest(context, {s.n}, std::vector<double>(s.n, INFINITY), "nearest");
    approach(nearest, squared, s, center);
    return nearest.get();
  }
  void approach(Guarded<double, 1>& nearest, const Guarded<double, 1>& squared, const Samples& s, int64_t center) {
    const View<const double, 1> norms = squared;
    min_outer_distance(context, nearest.view(), norms, s.q(), s.x(), norms.slice(center, center + 1),
                       s.q().slice(center, center + 1), s.x().slice(center, center + 1));
  }
};

TEST_P(OuterDistance, EqualsTheExplicitGradients) {
  for (const auto& [n, c, d] :
       {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1}, {3, 2, 0}, {5, 7, 8}, {17, 10, 33}, {40, 9, 15}}) {
    const Samples s(context, n, c, d, uniform(n * c, 1), uniform(n * d, 2, -2, 2));
    Guarded<double, 2> gram(context, {n, n}, std::vector<double>(n * n, 3.0), "gram");
    persample_gram(context, gram.view(), s.q(), s.x(), s.q(), s.x(), PersampleConfig{.bias = false});
    const std::vector<double> k = gram.get();
    std::vector<double> squared, distance;
    for (int64_t i = 0; i < n; ++i) squared.push_back(k[i * n + i]);
    expect_close(norms(s), squared, Class::reduce, Dtype::f64, "norms");
    for (int64_t i = 0; i < n; ++i) distance.push_back(squared[i] - 2 * k[i * n + n - 1] + squared[n - 1]);
    expect_close(distances(s, n - 1), distance, Class::reduce, Dtype::f64, "distances");
  }
}

TEST_P(OuterDistance, KeepsTheSmallestAndIsZeroBetweenCopies) {
  auto deltas = uniform(6 * 10, 3, -1, 1), rows = uniform(6 * 21, 4, -50, 50);
  std::copy_n(deltas.begin() + 10, 10, deltas.begin() + 40);  // item 4 is item 1
  std::copy_n(rows.begin() + 21, 21, rows.begin() + 84);
  const Samples s(context, 6, 10, 21, deltas, rows);
  const std::vector<double> d = distances(s, 4);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(d[i] == 0, i == 1 || i == 4) << i;
  const Guarded<double, 1> squared(context, {6}, norms(s), "squared");
  Guarded<double, 1> nearest(context, {6}, std::vector<double>(6, 0.5), "nearest");
  approach(nearest, squared, s, 4);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(nearest.get()[i], std::min(0.5, d[i]));
}

TEST_P(OuterDistance, SameBitsAsOnTheCpu) {
  const auto deltas = uniform(50 * 13, 5), rows = uniform(50 * 29, 6);
  const std::vector<double> here = distances(Samples(context, 50, 13, 29, deltas, rows), 7);
  context = Context::cpu(1);
  EXPECT_EQ(distances(Samples(context, 50, 13, 29, deltas, rows), 7), here);
}

TEST_P(OuterDistance, WrongShapeIsAnError) {
  const Samples s(context, 3, 2, 4, uniform(6, 1), uniform(12, 2));
  Guarded<double, 1> four(context, {4}, {1, 1, 1, 1}, "four");
  EXPECT_THROW(outer_norms(context, four.view(), s.q(), s.x()), Error);
  Guarded<double, 1> three(context, {3}, {1, 1, 1}, "three");
  EXPECT_THROW(approach(three, four, s, 0), Error);
  const View<const double, 1> norms = three;
  EXPECT_THROW(min_outer_distance(context, three.view(), norms, s.q(), s.x(), norms, s.q(), s.x()), Error)
      << "three centres";
}

CRC_ON_EACH_DEVICE(OuterDistance);

}  // namespace
}  // namespace crc::test
