#include "kernels/ops/capacitance.h"

#include <numeric>
#include <span>

#include "kernels/core/gate.h"
#include "kernels/core/tensor.h"
#include "kernels/cpu/lapack.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/jacobi.h"

namespace crc::test {
namespace {

// A labelled set with the spectrum lambda (of r, ascending, zeros first) and items with coordinates v.
struct Setting {
  std::vector<double> lambda, v;
  int64_t rank, items;

  static Setting random(uint32_t seed, int64_t labeled, int64_t rank, int64_t items, double decay = 0.1) {
    Setting s{{}, {}, rank, items};
    const auto draws = uniform(rank, seed, 0.5, 1.5), rows = uniform(items * rank, seed + 1, -1, 1);
    for (int64_t i = 0; i < rank; ++i)
      s.lambda.push_back(i < rank - labeled ? 0.0 : double(draws[i]) * std::exp(-decay * double(rank - 1 - i)));
    std::sort(s.lambda.begin(), s.lambda.end());
    s.v.assign(rows.begin(), rows.end());
    return s;
  }
  // diag(lambda) + sum over the group of v v^T: the dual, by the equation.
  std::vector<long double> dual(std::span<const int64_t> group) const {
    std::vector<long double> m(rank * rank);
    for (int64_t i = 0; i < rank; ++i) m[i * rank + i] = lambda[i];
    for (int64_t item : group)
      for (int64_t i = 0; i < rank; ++i)
        for (int64_t j = 0; j < rank; ++j) m[i * rank + j] += (long double)v[item * rank + i] * v[item * rank + j];
    return m;
  }
};

struct Result {
  std::vector<double> values;
  std::vector<int32_t> evaluations;
};

Result run(Context& context, const Setting& s, int64_t labeled, const std::vector<int64_t>& members, int64_t group) {
  const int64_t count = int64_t(members.size()) / group, n = labeled + group;
  const bool primal = n <= s.rank;
  const int64_t zeros = primal ? s.rank - labeled : 0;
  const std::vector<double> kept(s.lambda.begin() + zeros, s.lambda.end());
  const Tensor lambda = Tensor::from_host(context, {s.rank - zeros}, kept.data(), "lambda"),
               v = Tensor::from_host(context, {s.items, s.rank}, s.v.data(), "v"),
               index = Tensor::from_host(context, {count, group}, members.data(), "members"),
               values(context, {count}, Dtype::f64, "values"), evaluations(context, {count}, Dtype::i32, "evaluations"),
               none(context, {0, group, group}, Dtype::f64, "none");
  capacitance(context, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambda.view<const double, 1>(),
              v.view<const double, 2>(), none.view<const double, 3>(), index.view<const int64_t, 2>(),
              CapacitanceConfig{.update = primal ? Update::primal : Update::dual,
                                .zeros = zeros,
                                .noise = double(std::max(n, s.rank)) * 0x1p-52,
                                .top = s.lambda.back()});
  return {values.to_host<double>(context), evaluations.to_host<int32_t>(context)};
}

std::vector<int64_t> consecutive(int64_t items, int64_t group) {
  std::vector<int64_t> members(items / group * group);
  std::iota(members.begin(), members.end(), 0);
  return members;
}

class CapacitanceOp : public OnDevice {
 protected:
  void expect_smallest(const Setting& s, int64_t labeled, int64_t group) {
    SCOPED_TRACE(std::to_string(labeled) + " + " + std::to_string(group) + " of " + std::to_string(s.rank));
    const std::vector<int64_t> members = consecutive(s.items, group);
    const Result result = run(context, s, labeled, members, group);
    for (size_t k = 0; k < result.values.size(); ++k) {
      const auto w = jacobi_eigenvalues(s.dual(std::span(members).subspan(k * group, group)), s.rank);
      const double expected = double(w[std::max<int64_t>(0, s.rank - labeled - group)]);
      const double noise = double(std::max(labeled + group, s.rank)) * 0x1p-52 * double(w.back());
      EXPECT_NEAR(result.values[k], expected, kCertificate * expected + 2 * noise) << "group " << k;
      EXPECT_GE(result.evaluations[k], 0) << "group " << k;
      EXPECT_LT(result.evaluations[k], 60) << "group " << k;
    }
  }
};

TEST_P(CapacitanceOp, AgreesWithTheDenseSpectrum) {
  for (const int64_t rank : {1, 2, 9, 33})
    for (const int64_t group : {1, 2, 3, 7})
      for (const int64_t labeled :
           {int64_t(0), int64_t(1), rank - group - 1, rank - group, rank - group + 1, rank - 1, rank, rank + 20}) {
        if (labeled < 0) continue;
        expect_smallest(Setting::random(uint32_t(rank * 100 + group), std::min(labeled, rank), rank, 3 * group),
                        labeled, group);
      }
}

TEST_P(CapacitanceOp, SteepSpectraAndLargeGroups) {
  for (const double decay : {0.0, 0.5, 1.0})
    for (const int64_t labeled : {10, 25, 60})
      expect_smallest(Setting::random(uint32_t(labeled), std::min<int64_t>(labeled, 30), 30, 64, decay), labeled, 16);
}

TEST_P(CapacitanceOp, DuplicatesScoreZeroBelowTheRank) {
  Setting s = Setting::random(5, 4, 12, 8);
  std::copy_n(s.v.begin(), 12, s.v.begin() + 12);  // item 1 is item 0
  const Result result = run(context, s, 4, consecutive(8, 2), 2);
  EXPECT_EQ(result.values[0], 0);
  for (size_t k = 1; k < 4; ++k) EXPECT_GT(result.values[k], 0);
}

TEST_P(CapacitanceOp, UpdatesThatDoNothing) {
  Setting s = Setting::random(6, 9, 9, 6);
  std::fill_n(s.v.begin(), 18, 0.0);               // group 0 is nothing at all
  for (int64_t i = 2; i < 4; ++i) s.v[i * 9] = 0;  // group 1 leaves the smallest direction alone
  const Result result = run(context, s, 9, consecutive(6, 2), 2);
  EXPECT_NEAR(result.values[0], s.lambda[0], kCertificate * s.lambda[0]);
  EXPECT_NEAR(result.values[1], s.lambda[0], kCertificate * s.lambda[0]);
  EXPECT_GT(result.values[2], s.lambda[0]);
}

TEST_P(CapacitanceOp, SameBitsAsOnTheCpu) {
  Context cpu = Context::cpu(1);
  for (const int64_t labeled : {3, 18, 40}) {
    const Setting s = Setting::random(uint32_t(labeled), std::min<int64_t>(labeled, 21), 21, 40);
    for (const int64_t group : {1, 4, 5}) {
      const Result here = run(context, s, labeled, consecutive(40, group), group),
                   there = run(cpu, s, labeled, consecutive(40, group), group);
      EXPECT_EQ(here.values, there.values);
      EXPECT_EQ(here.evaluations, there.evaluations);
    }
  }
}

// Whatever the times, the way with several warps is taken where it is offered, if it gives the same bits.
TEST_P(CapacitanceOp, SameBitsForAnyNumberOfWarps) {
  struct Shape {
    int64_t rank, group;
    const char* way;  // on a GPU that all groups of this test fit at once
  };
  Context cpu = Context::cpu(1);
  context.gate().set_tier(Gate::Tier::chosen);
  context.gate().clock([runs = 0](const std::function<void()>& run) mutable { return run(), ++runs % 2 ? 1.0 : 0.5; });
  constexpr int64_t kGroups = 8;
  size_t tried = 0;
  for (const auto& [rank, group, way] :
       {Shape{40, 3, "1 warp"}, {67, 3, "2 warps"}, {130, 4, "4 warps"}, {33, 24, "8 warps"}})
    for (const int64_t labeled : {rank - group - 1, rank + 9}) {  // primal and dual
      const Setting s =
          Setting::random(uint32_t(rank), std::min(labeled, rank), rank, kGroups * group, 10 / double(rank));
      const auto members = consecutive(kGroups * group, group);
      const size_t contests = context.gate().verdicts().size();
      const Result here = run(context, s, labeled, members, group), there = run(cpu, s, labeled, members, group);
      EXPECT_EQ(here.values, there.values) << rank << " coordinates, " << labeled << " labelled";
      EXPECT_EQ(here.evaluations, there.evaluations);
      if (GetParam() != "cuda") continue;
      const auto verdicts = std::span(context.gate().verdicts()).subspan(contests);
      for (const Gate::Verdict& verdict : verdicts) {
        EXPECT_TRUE(verdict.all_right()) << describe(verdict);
        EXPECT_EQ(verdict.choice.way, way) << verdict.key;
        EXPECT_EQ(verdict.tried[1].difference, 0);
      }
      tried += verdicts.size();
    }
  EXPECT_EQ(tried, GetParam() == "cuda" ? 6 : 0);  // of each of the larger shapes
}

// Features of larger networks: 105, 118 and 132 KB a group, more than the shared memory of most GPUs.
TEST_P(CapacitanceOp, SameBitsWhereAGroupIsLarge) {
  struct Shape {
    int64_t features, group;
  };
  Context cpu = Context::cpu(1);
  for (const auto& [features, group] : {Shape{512, 20}, {1024, 10}, {2048, 5}}) {
    const int64_t rank = features + 1;
    for (const int64_t labeled : {rank - group, rank}) {  // primal and dual
      const Setting s = Setting::random(uint32_t(group), labeled, rank, 2 * group, 10 / double(rank));
      const Result here = run(context, s, labeled, consecutive(2 * group, group), group),
                   there = run(cpu, s, labeled, consecutive(2 * group, group), group);
      EXPECT_GT(there.values[0], 0);
      EXPECT_GE(there.evaluations[0], 0);
      EXPECT_EQ(here.values, there.values) << rank << " coordinates, " << labeled << " labelled";
      EXPECT_EQ(here.evaluations, there.evaluations);
    }
  }
}

TEST_P(CapacitanceOp, BorderedMatricesOfAnyKernel) {
  constexpr int64_t kLabeled = 11, kGroup = 4, kGroups = 5, kN = kLabeled + kGroup,
                    kItems = kLabeled + kGroup * kGroups;
  // A Gram matrix of random rows; its labelled block is decomposed by LAPACK.
  const auto rows = uniform(kItems * 40, 9, -1, 1);
  const auto kernel = [&](int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t d = 0; d < 40; ++d) sum += double(rows[i * 40 + d]) * double(rows[j * 40 + d]);
    return sum;
  };
  std::vector<double> vectors(kLabeled * kLabeled), lambda(kLabeled), v, k_gg;
  for (int64_t i = 0; i < kLabeled; ++i)
    for (int64_t j = 0; j < kLabeled; ++j) vectors[i * kLabeled + j] = kernel(i, j);
  symmetric_eigenvectors(kLabeled, vectors.data(), lambda.data());
  for (int64_t x = kLabeled; x < kItems; ++x)
    for (int64_t e = 0; e < kLabeled; ++e) {
      double sum = 0;
      for (int64_t l = 0; l < kLabeled; ++l) sum += vectors[e * kLabeled + l] * kernel(l, x);
      v.push_back(sum);
    }
  for (int64_t k = 0; k < kGroups; ++k)
    for (int64_t i = 0; i < kGroup; ++i)
      for (int64_t j = 0; j < kGroup; ++j) k_gg.push_back(kernel(kLabeled + k * kGroup + i, kLabeled + k * kGroup + j));
  const std::vector<int64_t> members = consecutive(kGroups * kGroup, kGroup);
  const Tensor lambdas = Tensor::from_host(context, {kLabeled}, lambda.data(), "lambda"),
               coordinates = Tensor::from_host(context, {kGroups * kGroup, kLabeled}, v.data(), "v"),
               blocks = Tensor::from_host(context, {kGroups, kGroup, kGroup}, k_gg.data(), "k_gg"),
               index = Tensor::from_host(context, {kGroups, kGroup}, members.data(), "members"),
               values(context, {kGroups}, Dtype::f64, "values"),
               evaluations(context, {kGroups}, Dtype::i32, "evaluations");
  capacitance(context, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambdas.view<const double, 1>(),
              coordinates.view<const double, 2>(), blocks.view<const double, 3>(), index.view<const int64_t, 2>(),
              CapacitanceConfig{.update = Update::bordered, .noise = double(kN) * 0x1p-52, .top = lambda.back()});
  const std::vector<double> found = values.to_host<double>(context);
  for (int64_t k = 0; k < kGroups; ++k) {
    std::vector<int64_t> items(kLabeled);
    std::iota(items.begin(), items.end(), 0);
    for (int64_t g = 0; g < kGroup; ++g) items.push_back(kLabeled + k * kGroup + g);
    std::vector<long double> m;
    for (int64_t i : items)
      for (int64_t j : items) m.push_back(kernel(i, j));
    const auto w = jacobi_eigenvalues(m, kN);
    EXPECT_NEAR(found[k], double(w[0]), kCertificate * double(w[0]) + 2 * kN * 0x1p-52 * double(w.back()));
  }
}

CRC_ON_EACH_DEVICE(CapacitanceOp);

}  // namespace
}  // namespace crc::test
