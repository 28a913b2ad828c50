#include "kernels/ops/memory_bank.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class MemoryBank : public OnDevice {
 protected:
  StateOnDevice at(int64_t step) { return StateOnDevice(context, {.step = step}); }
};

struct BankShape {
  int64_t rows, items, classes;
};
const BankShape kBanks[] = {{0, 3, 2}, {1, 1, 2}, {7, 40, 10}, {33, 31, 3}, {3, 65, 33}};

// Every third row was never seen.
std::vector<float> bank_labels(const BankShape& b) {
  std::vector<float> labels;
  for (int64_t i = 0; i < b.items; ++i) labels.push_back(i % 3 == 2 ? -1.0f : float(i * 7 % b.classes));
  return labels;
}

std::vector<float> distributions(int64_t rows, int64_t classes, uint32_t seed) {
  const auto x = uniform(rows * classes, seed, -3, 3);
  std::vector<float> p;
  for (int64_t n = 0; n < rows; ++n)
    for (const double v : softmax_of(row_of(x, n, classes))) p.push_back(float(v));
  return p;
}

TEST_P(MemoryBank, SimilaritiesAreASoftmaxOverTheRowsThatWereSeen) {
  for (const BankShape& b : kBanks) {
    const float temperature = 0.1f;
    const auto w = uniform(b.rows * b.items, 1), s = uniform(b.rows * b.items, 2), labels = bank_labels(b);
    Guarded<float, 2> q(context, {b.rows, b.items}, uniform(b.rows * b.items, 3)),
        strong(context, {b.rows, b.items}, s);
    const Guarded<float, 2> weak(context, {b.rows, b.items}, w);
    const Guarded<float, 1> known(context, {b.items}, labels);
    bank_similarity(context, q.view(), strong.view(), weak.view(), known.view(), temperature);
    std::vector<double> expected;
    std::vector<float> kept;
    for (int64_t n = 0; n < b.rows; ++n) {
      double sum = 0;
      for (int64_t i = 0; i < b.items; ++i)
        if (labels[size_t(i)] >= 0) sum += std::exp(double(w[size_t(n * b.items + i)]) / double(temperature));
      for (int64_t i = 0; i < b.items; ++i) {
        const bool seen = labels[size_t(i)] >= 0;
        expected.push_back(seen ? std::exp(double(w[size_t(n * b.items + i)]) / double(temperature)) / sum : 0);
        kept.push_back(seen ? s[size_t(n * b.items + i)] : crc::BankSimilarity::kUnseen);
      }
    }
    expect_close(q.get(), expected, Class::reduce, Dtype::f32, "q");
    EXPECT_EQ(strong.get(), kept);
  }
}

TEST_P(MemoryBank, TargetsAreUnfoldedAndAggregated) {
  for (const BankShape& b : kBanks) {
    const auto labels = bank_labels(b), p0 = distributions(b.rows, b.classes, 4);
    auto q0 = distributions(b.rows, b.items, 5);
    for (int64_t n = 0; n < b.rows; ++n)
      for (int64_t i = 2; i < b.items; i += 3) q0[size_t(n * b.items + i)] = 0;
    const InstanceConfig config{.alpha = 0.75f, .warmup = 4};
    const Guarded<float, 2> q(context, {b.rows, b.items}, q0), p(context, {b.rows, b.classes}, p0);
    const Guarded<float, 1> known(context, {b.items}, labels);
    for (const int64_t step : {3, 4}) {
      Guarded<float, 2> target(context, {b.rows, b.items}, uniform(b.rows * b.items, 6)),
          mixed(context, {b.rows, b.classes}, uniform(b.rows * b.classes, 7));
      Guarded<float, 1> weight(context, {b.rows}, uniform(b.rows, 8));
      instance_targets(context, target.view(), mixed.view(), weight.view(), q.view(), p.view(), known.view(),
                       at(step).view(), config);
      const bool on = step >= 4;
      std::vector<double> instances, classes;
      for (int64_t n = 0; n < b.rows; ++n) {
        std::vector<double> spread, sums(size_t(b.classes), 0.0);
        double all = 0;
        for (int64_t i = 0; i < b.items; ++i) {
          const double here = q0[size_t(n * b.items + i)];
          const float label = labels[size_t(i)];
          spread.push_back(label < 0 ? 0 : here * double(p0[size_t(n * b.classes + int64_t(label))]));
          all += spread.back();
          if (label >= 0) sums[size_t(label)] += here;
        }
        for (const double v : spread) instances.push_back(on ? v / all : 0);
        for (int64_t c = 0; c < b.classes; ++c) {
          const double own = p0[size_t(n * b.classes + c)];
          classes.push_back(on ? 0.75 * own + 0.25 * sums[size_t(c)] : own);
        }
      }
      expect_close(target.get(), instances, Class::reduce, Dtype::f32, "target");
      expect_close(mixed.get(), classes, Class::reduce, Dtype::f32, "mixed");
      EXPECT_EQ(weight.get(), std::vector<float>(size_t(b.rows), on ? 1.0f : 0.0f));
    }
  }
}

TEST_P(MemoryBank, WhileNothingWasSeenNothingIsRefined) {
  const std::vector<float> p0{0.25f, 0.75f};
  Guarded<float, 2> q(context, {1, 3}, uniform(3, 1)), strong(context, {1, 3}, uniform(3, 2)),
      target(context, {1, 3}, uniform(3, 3)), mixed(context, {1, 2}, uniform(2, 4));
  const Guarded<float, 2> weak(context, {1, 3}, uniform(3, 5)), p(context, {1, 2}, p0);
  Guarded<float, 1> weight(context, {1}, {7});
  const Guarded<float, 1> known(context, {3}, {-1, -1, -1});
  bank_similarity(context, q.view(), strong.view(), weak.view(), known.view(), 0.1f);
  instance_targets(context, target.view(), mixed.view(), weight.view(), q.view(), p.view(), known.view(), at(9).view(),
                   InstanceConfig{});
  EXPECT_EQ(q.get(), std::vector<float>(3, 0.0f));
  EXPECT_EQ(target.get(), std::vector<float>(3, 0.0f));
  EXPECT_EQ(mixed.get(), p0);
  EXPECT_EQ(weight.get(), std::vector<float>{0});
}

// A prediction that rules out every class of the bank leaves the similarities as they are.
TEST_P(MemoryBank, NoNumberIsDividedByZero) {
  Guarded<float, 2> target(context, {1, 2}, uniform(2, 3)), mixed(context, {1, 2}, uniform(2, 4));
  const Guarded<float, 2> q(context, {1, 2}, {0.25f, 0.75f}), p(context, {1, 2}, {0, 1});
  Guarded<float, 1> weight(context, {1}, {7});
  const Guarded<float, 1> known(context, {2}, {0, 0});
  instance_targets(context, target.view(), mixed.view(), weight.view(), q.view(), p.view(), known.view(), at(0).view(),
                   InstanceConfig{.alpha = 0.5f});
  EXPECT_EQ(target.get(), (std::vector<float>{0.25f, 0.75f}));
  EXPECT_EQ(mixed.get(), (std::vector<float>{0.5f, 0.5f}));
}

TEST_P(MemoryBank, RowsFollowTheLastEmbeddingOfTheirItem) {
  constexpr int64_t kRows = 5;
  for (const int64_t columns : {1, 3, 33, 128}) {
    const auto unit = [&](int64_t rows, uint32_t seed) {
      std::vector<float> z = uniform(rows * columns, seed, 0.1f, 1);
      for (int64_t n = 0; n < rows; ++n) {
        double square = 0;
        for (int64_t e = 0; e < columns; ++e) square += double(z[size_t(n * columns + e)]) * z[size_t(n * columns + e)];
        for (int64_t e = 0; e < columns; ++e) z[size_t(n * columns + e)] /= float(std::sqrt(square));
      }
      return z;
    };
    const auto b0 = unit(kRows, 1), z0 = unit(4, 2);
    Guarded<float, 2> bank(context, {kRows, columns}, b0, "bank");
    Guarded<float, 1> labels(context, {kRows}, {3, -1, 2, 1, 0}, "labels");
    const Guarded<int64_t, 1> ids(context, {kRows}, {10, 2, 30, 4, 50}), items(context, {4}, {4, 2, 4, 50});
    const Guarded<float, 2> z(context, {4, columns}, z0);
    const Guarded<int32_t, 1> given(context, {4}, {9, 7, 1, 0});
    remember_rows(context, bank.view(), labels.view(), ids.view(), z.view(), items.view(), given.view(), 0.75f);
    std::vector<double> expected(b0.begin(), b0.end());
    for (const auto& [row, of, decay] : {std::tuple<int64_t, int64_t, double>{3, 2, 0.75}, {1, 1, 0}, {4, 3, 0.75}}) {
      double square = 0;
      for (int64_t e = 0; e < columns; ++e) {
        double& at = expected[size_t(row * columns + e)];
        at = decay * at + (1 - decay) * double(z0[size_t(of * columns + e)]);
        square += at * at;
      }
      for (int64_t e = 0; e < columns; ++e) expected[size_t(row * columns + e)] /= std::sqrt(square);
    }
    const auto after = bank.get();
    expect_close(after, expected, Class::reduce, Dtype::f32, "bank");
    for (const int64_t row : {0, 2})
      for (int64_t e = 0; e < columns; ++e) EXPECT_EQ(after[size_t(row * columns + e)], b0[size_t(row * columns + e)]);
    EXPECT_EQ(labels.get(), (std::vector<float>{3, 7, 2, 1, 0}));
  }
}

TEST_P(MemoryBank, RefusesWrongShapesAndATemperatureOfZero) {
  Guarded<float, 2> q(context, {1, 2}, {0, 0}, "q"), strong(context, {1, 3}, {0, 0, 0}, "strong");
  const Guarded<float, 1> known(context, {2}, {0, 0});
  const auto refusal = [&](View<float, 2> by, float temperature) {
    try {
      bank_similarity(context, q.view(), by, q.view(), known.view(), temperature);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal(strong.view(), 1), "bank_similarity: 'strong' has shape [1,3], expected [1,2]");
  EXPECT_EQ(refusal(q.view(), 0),
            "bank_similarity: temperature is 0.000000; it divides the similarities and must be above 0");
}

CRC_ON_EACH_DEVICE(MemoryBank);

}  // namespace
}  // namespace crc::test
