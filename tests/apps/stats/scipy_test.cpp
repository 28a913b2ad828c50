// Whole comparisons against SciPy's numbers: tests/golden/statistics.jsonl, or the file that CRC_STATISTICS names
// (tests/apps/stats/scipy.sh makes one of 1,000 tables).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/stats/paired.h"

namespace crc::apps::test {
namespace {

using Json = nlohmann::ordered_json;

// Relative, or absolute below 1; what SciPy gives no number for is not looked at.
void expect_near(double value, const Json& expected, double tolerance, const std::string& what) {
  if (expected.is_null()) return;
  const double e = expected.get<double>();
  EXPECT_NEAR(value, e, tolerance * std::max(1.0, std::abs(e))) << what;
}

Comparison comparison_of(const Json& table) {
  const auto labels = table["labels"].get<std::vector<double>>();
  std::vector<MethodAreas> methods;
  int64_t trials = 0;
  for (const auto& [name, curves] : table["curves"].items()) {
    MethodAreas& method = methods.emplace_back(MethodAreas{.name = name, .by_trial = {}});
    trials = int64_t(curves.size());
    for (int64_t t = 0; t < trials; ++t) {
      method.curves[t] = curves[size_t(t)].get<std::vector<double>>();
      method.by_trial[t] = area_under(labels, method.curves[t]);
    }
  }
  return compare(std::move(methods), trials, labels);
}

void check_method(const MethodAreas& method, const Json& expected, const std::string& where) {
  const auto check = [&](double value, const char* key) { expect_near(value, expected[key], 1e-9, where + key); };
  check(method.all.mean, "mean");
  check(method.all.deviation, "deviation");
  check(method.all.mean - method.all.half, "low");
  check(method.all.mean + method.all.half, "high");
  check(method.median, "median");
  check(method.interquartile, "interquartile");
  for (const auto& [interval, key] : {std::pair(method.median_interval, "median_interval"),
                                      std::pair(method.interquartile_interval, "interquartile_interval")}) {
    expect_near(interval.low, expected[key][0], 1e-9, where + key);
    expect_near(interval.high, expected[key][1], 1e-9, where + key);
  }
}

void check_pair(const apps::Pair& pair, bool turned, const Json& expected, const std::string& where) {
  const double sign = turned ? -1 : 1;
  const auto check = [&](double value, const char* key) { expect_near(value, expected[key], 1e-8, where + key); };
  check(sign * pair.difference.mean, "mean");
  check(pair.difference.p, "p");
  check(pair.p_holm, "holm");
  check(pair.ranks.p, "wilcoxon");
  check(sign * pair.ranks.rank_biserial, "rank_biserial");
  check(sign * pair.effect, "effect");
  EXPECT_EQ(turned ? pair.losses : pair.wins, expected["wins"].get<int>()) << where;
  EXPECT_EQ(turned ? pair.wins : pair.losses, expected["losses"].get<int>()) << where;
  check(double(pair.needed), "needed");
  if (!expected.contains("saved")) return;
  check(sign * pair.saved.labels, "saved");
  const Interval& i = pair.saved_interval;
  expect_near(turned ? -i.high : i.low, expected["saved_interval"][0], 1e-8, where + "saved_interval low");
  expect_near(turned ? -i.low : i.high, expected["saved_interval"][1], 1e-8, where + "saved_interval high");
}

void check_table(const Json& table, const std::string& where) {
  const Comparison c = comparison_of(table);
  const auto place = [&](const std::string& name) {
    return size_t(std::ranges::find(c.methods, name, &MethodAreas::name) - c.methods.begin());
  };
  for (const auto& [name, expected] : table["methods"].items())
    check_method(c.methods[place(name)], expected, where + name + " ");
  for (const auto& [names, expected] : table["pairs"].items()) {
    const size_t a = place(names.substr(0, names.find(' '))), b = place(names.substr(names.find(' ') + 1));
    check_pair(c.pair(a, b), c.pair(a, b).method != a, expected, where + names + " ");
  }
  const Json& ranking = table["ranking"];
  for (const auto& [name, expected] : ranking["mean_rank"].items())
    expect_near(c.ranking.mean_rank[place(name)], expected, 1e-9, where + name + " rank");
  expect_near(c.ranking.critical_difference, ranking["critical_difference"], 1e-6, where + "critical difference");
  if (!ranking.contains("chi_squared")) return;
  expect_near(c.ranking.chi_squared, ranking["chi_squared"], 1e-9, where + "chi squared");
  expect_near(c.ranking.p, ranking["p"], 1e-9, where + "p");
}

TEST(Statistics, AgreeWithScipy) {
  const char* named = std::getenv("CRC_STATISTICS");
  const std::string path = named ? named : CRC_SOURCE_DIR "/tests/golden/statistics.jsonl";
  std::ifstream file(path);
  int tables = 0;
  for (std::string line; std::getline(file, line); ++tables)
    check_table(Json::parse(line), "table " + std::to_string(tables) + ": ");
  EXPECT_GE(tables, 9) << path;
  RecordProperty("tables", tables);
}

}  // namespace
}  // namespace crc::apps::test
