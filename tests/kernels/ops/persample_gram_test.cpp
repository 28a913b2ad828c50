#include "kernels/ops/persample_gram.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

struct Samples {
  int64_t n, classes, features;
  std::vector<float> delta, h;

  Samples(int64_t count, int64_t c, int64_t d, uint32_t seed)
      : n(count), classes(c), features(d), delta(uniform(n * c, seed)), h(uniform(n * d, seed + 1, -2, 2)) {}
  double inner(int64_t i, const Samples& other, int64_t j, bool bias) const {
    double deltas = 0, rows = bias ? 1 : 0;
    for (int64_t c = 0; c < classes; ++c)
      deltas += double(delta[i * classes + c]) * double(other.delta[j * classes + c]);
    for (int64_t d = 0; d < features; ++d) rows += double(h[i * features + d]) * double(other.h[j * features + d]);
    return deltas * rows;  // the closed form
  }
};

class PersampleGram : public OnDevice {
 protected:
  struct OnDeviceSamples {
    Guarded<float, 2> delta, h;
    OnDeviceSamples(Context& context, const Samples& s)
        : delta(context, {s.n, s.classes}, s.delta, "delta"), h(context, {s.n, s.features}, s.h, "h") {}
    View<const float, 2> d() const { return delta; }
    View<const float, 2> x() const { return h; }
  };
  std::vector<double> gram(const Samples& a, const Samples& b, bool bias) {
    const OnDeviceSamples x(context, a), y(context, b);
    Guarded<double, 2> k(context, {a.n, b.n}, std::vector<double>(a.n * b.n, 3.0), "k");
    persample_gram(context, k.view(), x.d(), x.x(), y.d(), y.x(), PersampleConfig{bias});
    return k.get();
  }
};

constexpr struct {
  int64_t n, m, classes, features;
} kGramSizes[] = {{0, 3, 2, 4},   {3, 0, 2, 4},   {1, 1, 1, 1},    {1, 33, 3, 7},    {5, 1, 10, 0},
                  {15, 17, 2, 5}, {16, 16, 4, 8}, {17, 31, 3, 31}, {33, 16, 10, 32}, {47, 13, 7, 33}};

TEST_P(PersampleGram, EqualsTheClosedForm) {
  for (const auto& s : kGramSizes)
    for (bool bias : {true, false}) {
      SCOPED_TRACE("n " + std::to_string(s.n) + " m " + std::to_string(s.m) + " d " + std::to_string(s.features));
      const Samples a(s.n, s.classes, s.features, 1), b(s.m, s.classes, s.features, 5);
      std::vector<double> expected;
      for (int64_t i = 0; i < a.n; ++i)
        for (int64_t j = 0; j < b.n; ++j) expected.push_back(a.inner(i, b, j, bias));
      const auto k = gram(a, b, bias);
      expect_close(k, expected, Class::reduce, Dtype::f64, "gram");
      EXPECT_EQ(k, gram(a, b, bias)) << "not the same bits twice";
    }
}

// Bit for bit: entries in order, whatever the tile, the batch or the device.
TEST_P(PersampleGram, SumsTheEntriesInOrder) {
  const Samples a(19, 3, 21, 1), b(37, 3, 21, 5);
  const auto k = gram(a, b, true);
  for (int64_t i = 0; i < a.n; ++i)
    for (int64_t j = 0; j < b.n; ++j) {
      double total = 0;
      for (int64_t c = 0; c < 3; ++c)
        for (int64_t d = 0; d <= 21; ++d) {
          const double x = d < 21 ? a.h[i * 21 + d] : 1, y = d < 21 ? b.h[j * 21 + d] : 1;
          total += (double(a.delta[i * 3 + c]) * x) * (double(b.delta[j * 3 + c]) * y);
        }
      ASSERT_EQ(k[i * b.n + j], total) << i << ", " << j;
    }
}

// The trace kernel of the last layer is the sum of the logits' own Grams: C (<h,h'> + 1).
TEST_P(PersampleGram, UnitCotangentsGiveTheLastLayersKernel) {
  constexpr int64_t kClasses = 4, kFeatures = 9;
  Samples a(11, kClasses, kFeatures, 2);
  std::vector<double> total(a.n * a.n, 0.0), expected;
  for (int64_t c = 0; c < kClasses; ++c) {
    for (size_t k = 0; k < a.delta.size(); ++k) a.delta[k] = int64_t(k) % kClasses == c ? 1.f : 0.f;
    const auto k = gram(a, a, true);
    for (size_t i = 0; i < k.size(); ++i) total[i] += k[i];
  }
  for (int64_t i = 0; i < a.n; ++i)
    for (int64_t j = 0; j < a.n; ++j) {
      double rows = 1;
      for (int64_t d = 0; d < kFeatures; ++d) rows += double(a.h[i * kFeatures + d]) * double(a.h[j * kFeatures + d]);
      expected.push_back(kClasses * rows);
    }
  expect_close(total, expected, Class::reduce, Dtype::f64, "trace kernel");
}

TEST_P(PersampleGram, WrongShapeIsAnErrorThatNamesTheView) {
  const OnDeviceSamples x(context, Samples(3, 2, 4, 1)), y(context, Samples(5, 2, 3, 1));
  Guarded<double, 2> k(context, {3, 5}, std::vector<double>(15), "k");
  try {
    persample_gram(context, k.view(), x.d(), x.x(), y.d(), y.x(), PersampleConfig{});
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "persample_gram: 'h' has shape [5,3], expected [5,4]");
  }
}

CRC_ON_EACH_DEVICE(PersampleGram);

}  // namespace
}  // namespace crc::test
