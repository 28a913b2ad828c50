// bald, batchbald, dcom, galaxy, dropquery and alfamix against plain NumPy.
#include <set>

#include "tests/crc/golden_pool.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

constexpr const char* kModelNames[] = {"bald", "batchbald", "dcom", "galaxy", "dropquery", "alfamix"};

// Number p of tests/golden/make_model_acquisitions.py.
GoldenPool model_pool(uint32_t p) {
  GoldenPool golden = golden_pool(p);
  Pool& pool = golden.pool;
  const auto number = [](uint32_t w) { return float(w >> 20) * 0x1p-11f - 1; };
  const int64_t passes = 2 + golden::words(p, 0, 8)[5] % 4, row = pool.items * pool.classes;
  for (uint32_t w : golden::words(p, 4, passes * row)) pool.samples.push_back(float(double(w >> 8) * 0x1p-22 - 2));
  const std::vector<uint32_t> sure = golden::words(p, 5, pool.items);
  for (int64_t i = 0; i < pool.items; ++i)
    for (int64_t s = 0; s < passes && (sure[size_t(i)] % 3 == 0 || p % 8 == 6); ++s)
      std::copy_n(&pool.logits[size_t(i * pool.classes)], pool.classes,
                  &pool.samples[size_t(s * row + i * pool.classes)]);
  const std::vector<uint32_t> labels = golden::words(p, 6, pool.items);
  for (uint32_t w : labels) pool.labels.push_back(int32_t(w % uint32_t(pool.classes)));
  for (uint32_t w : golden::words(p, 7, pool.classes * pool.width)) pool.head_weight.push_back(number(w));
  for (uint32_t w : golden::words(p, 8, pool.classes)) pool.head_bias.push_back(number(w));
  return golden;
}

// A larger one, of three passes.
Pool large_pool(uint32_t seed, int64_t labeled, int64_t unlabeled, int64_t width = 9) {
  return Pool::random(seed, labeled, unlabeled, width, 4);
}

class ModelAcquisitions : public OnDevice {};

TEST_P(ModelAcquisitions, PickWhatPlainNumPyPicks) {
  expect_golden_picks(context, "model_acquisitions.txt", GetParam() == "cpu" ? 50 : 2, std::size(kModelNames),
                      model_pool);
}

TEST_P(ModelAcquisitions, TheOrderOfTheListsIsNothing) {
  Pool p = large_pool(5, 12, 60);
  for (const char* name : kModelNames) {
    const Config config{.name = name, .budget = 9, .seed = 3};
    const Selection a = p.select(context, config);
    EXPECT_EQ(std::set<int64_t>(a.picks.begin(), a.picks.end()).size(), 9u) << name;
    Pool turned = p;
    std::ranges::reverse(turned.labeled);
    std::ranges::reverse(turned.unlabeled);
    const Selection b = turned.select(context, config);
    EXPECT_EQ(a.picks, b.picks) << name;
    EXPECT_EQ(a.scores, b.scores) << name;
  }
}

TEST_P(ModelAcquisitions, SayWhatTheyMiss) {
  const Pool whole = large_pool(1, 6, 20);
  const auto message = [&](const char* name, auto&& change) {
    Pool p = whole;
    change(p);
    return error_of(ExitCode::config, [&] { p.select(context, {.name = name, .budget = 2}); });
  };
  for (const char* name : {"dcom", "galaxy", "alfamix"})
    EXPECT_EQ(message(name, [](Pool& p) { p.labels.clear(); }),
              "acquisition \"" + std::string(name) + "\" needs the classes of the labelled items, and none were given");
  for (const char* name : {"bald", "batchbald", "dropquery"})
    EXPECT_EQ(
        message(name, [](Pool& p) { p.samples.clear(); }),
        "acquisition \"" + std::string(name) + "\" needs the logits of several stochastic passes, and none were given");
  EXPECT_EQ(message("alfamix", [](Pool& p) { p.head_weight.clear(); }),
            "acquisition \"alfamix\" needs the head, the last linear layer, and none was given");
  // Before the first label nobody needs classes.
  for (const char* name : {"dcom", "galaxy", "alfamix"}) {
    Pool p = whole;
    p.labeled.clear(), p.labels.clear();
    EXPECT_EQ(p.select(context, {.name = name, .budget = 5}).picks.size(), 5u) << name;
  }
}

TEST_P(ModelAcquisitions, DcomWithoutLabelsIsProbCover) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const Pool p = large_pool(seed, 0, 50);
    EXPECT_EQ(p.select(context, {.name = "dcom", .budget = 8, .seed = seed}).picks,
              p.select(context, {.name = "probcover", .budget = 8, .seed = seed}).picks);
  }
}

// A batch knows its own labels: of items with equal passes a second one tells less than the first; bald cannot see it.
TEST_P(ModelAcquisitions, BatchBaldDoesNotAskTwice) {
  Pool p = large_pool(2, 0, 30);
  std::ranges::sort(p.unlabeled);
  const int64_t row = p.items * p.classes;
  const int64_t most = p.select(context, {.name = "bald", .budget = 1}).picks[0];
  const int64_t twin = p.unlabeled[0] == most ? p.unlabeled[1] : p.unlabeled[0];
  for (int64_t s = 0; s < 3; ++s)
    std::copy_n(&p.samples[size_t(s * row + most * p.classes)], p.classes,
                &p.samples[size_t(s * row + twin * p.classes)]);
  const std::set<int64_t> both{most, twin};
  const std::vector<int64_t> alone = p.select(context, {.name = "bald", .budget = 2}).picks;
  EXPECT_EQ(std::set<int64_t>(alone.begin(), alone.end()), both);
  const Selection joint = p.select(context, {.name = "batchbald", .budget = 12});
  EXPECT_TRUE(both.contains(joint.picks[0]));
  EXPECT_FALSE(both.contains(joint.picks[1]));
  for (size_t k = 1; k < joint.groups.size(); ++k)
    EXPECT_LE(joint.groups[k].score, joint.groups[k - 1].score + 0.05) << k;  // beyond six picks they are estimates
}

TEST_P(ModelAcquisitions, CopiesComeLast) {
  for (uint32_t seed = 0; seed < (GetParam() == "cpu" ? 20 : 4); ++seed) {
    Pool p = large_pool(seed, 4, 24, 6);
    std::ranges::sort(p.unlabeled);
    for (size_t k = 12; k < 24; ++k) p.copy_features(p.unlabeled[k], k < 15 ? p.labeled[k - 12] : p.unlabeled[k - 12]);
    std::set<std::vector<float>> rows;
    for (int64_t item : p.labeled) rows.insert({&p.features[item * 6], &p.features[item * 6] + 6});
    for (int64_t item : p.select(context, {.name = "dcom", .budget = 9, .seed = seed}).picks)
      EXPECT_TRUE(rows.insert({&p.features[item * 6], &p.features[item * 6] + 6}).second) << seed << ", item " << item;
  }
}

TEST(ModelAcquisitionThreads, SameBitsForAnyNumber) {
  expect_same_for_any_threads(large_pool(4, 12, 300, 17), kModelNames, 10);
}

CRC_ON_EACH_DEVICE(ModelAcquisitions);

}  // namespace
}  // namespace crc::test
