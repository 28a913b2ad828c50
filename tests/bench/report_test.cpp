// Percentages, the JSON twin and --compare.
#include "bench/report.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace crc::bench {
namespace {

constexpr Ceilings kMachine{.fp32 = 100e9, .fp64 = 50e9, .tensor = 1e12, .bandwidth = 10e9, .clocks = ""};

Case cost(double flops, double bytes, Arithmetic arithmetic = Arithmetic::fp32) {
  Case c;
  c.op = "op";
  c.shape = "shape";
  c.flops = flops;
  c.bytes = bytes;
  c.arithmetic = arithmetic;
  return c;
}
Timing taking(double us, double cv = 0) {
  Timing t;
  t.us = {.median = us, .best = us, .cv = cv};
  return t;
}

TEST(Roofline, IsTheLargerOfBothTimes) {
  const Roofline compute = roofline(cost(1e6, 1e3), kMachine);  // 10 us of arithmetic, 0.1 us of traffic
  EXPECT_DOUBLE_EQ(compute.us, 10);
  EXPECT_STREQ(compute.bound, "compute");
  const Roofline memory = roofline(cost(1e6, 1e6), kMachine);  // 100 us of traffic
  EXPECT_DOUBLE_EQ(memory.us, 100);
  EXPECT_STREQ(memory.bound, "memory");
  EXPECT_DOUBLE_EQ(roofline(cost(1e6, 0, Arithmetic::fp64), kMachine).us, 20);
  EXPECT_DOUBLE_EQ(roofline(cost(1e6, 0, Arithmetic::tensor), kMachine).us, 1);
  EXPECT_STREQ(roofline(cost(0, 0), kMachine).bound, "-");
}

TEST(Result, RatesAndPercent) {
  Case c = cost(1e6, 1e5);
  c.images = 8;
  const Result r = result_of(c, taking(40), kMachine);
  EXPECT_DOUBLE_EQ(r.percent, 25);
  EXPECT_DOUBLE_EQ(r.gflops, 25);
  EXPECT_DOUBLE_EQ(r.gbytes, 2.5);
  EXPECT_DOUBLE_EQ(r.images_per_s, 200'000);
  EXPECT_EQ(r.bound, "compute");
}

TEST(Compare, MarksWhatExceedsBothSpreads) {
  const auto of = [](double us, double cv) { return result_of(cost(1, 1), taking(us, cv), kMachine); };
  EXPECT_DOUBLE_EQ(compare(of(200, 0.01), of(100, 0.01)).ratio, 2);
  EXPECT_TRUE(compare(of(200, 0.01), of(100, 0.01)).significant);
  EXPECT_TRUE(compare(of(100, 0.04), of(110, 0.05)).significant);   // 10 > 4 + 5.5
  EXPECT_FALSE(compare(of(100, 0.05), of(110, 0.05)).significant);  // 10 < 5 + 5.5
  EXPECT_FALSE(compare(of(100, 0), of(100, 0)).significant);
  EXPECT_THAT(comparison_columns({.ratio = 2, .significant = true}), testing::HasSubstr("faster"));
  EXPECT_THAT(comparison_columns({.ratio = 0.5, .significant = true}), testing::HasSubstr("SLOWER"));
  EXPECT_EQ(comparison_columns({.ratio = 0.5, .significant = false}), "    0.500");
}

class BaselineFile : public testing::Test {
 protected:
  ~BaselineFile() override { std::filesystem::remove(path); }
  void write(const std::string& text) { std::ofstream(path) << text; }
  const std::string path = testing::TempDir() + "crc_bench_baseline_" + std::to_string(::getpid());
};

TEST_F(BaselineFile, ReadsWhatTheReportWrote) {
  Case c = cost(1e6, 1e5);
  c.images = 3;
  const Result r = result_of(c, taking(40, 0.02), kMachine);
  write(R"({"kind":"machine","device":"cpu, 2 threads"})"
        "\n" +
        to_json(kMachine).dump() + "\n" + to_json(r).dump() + "\n");
  const Baseline baseline = read_baseline(path);
  EXPECT_EQ(baseline.machine, "cpu, 2 threads");
  ASSERT_EQ(baseline.results.size(), 1u);
  EXPECT_EQ(to_json(baseline.results.at("op shape")), to_json(r));
}

TEST_F(BaselineFile, SaysWhichLineIsBroken) {
  write("{\"kind\":\"machine\",\"device\":\"cpu\"}\n{\"kind\":\"case\"}\n");
  try {
    read_baseline(path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::corrupt_data);
    EXPECT_THAT(e.what(), testing::HasSubstr(path + ":2: not a line of crc_bench --json"));
  }
}

TEST_F(BaselineFile, ReadsAWrongKernelAndFilesWithoutErrors) {
  Timing wrong;
  wrong.accuracy = {NAN, 1e-6};
  nlohmann::json old = to_json(result_of(cost(1e6, 1e5), taking(40), kMachine));
  for (const char* column : {"error", "tolerance", "path", "per_s"}) old.erase(column);
  old["op"] = "old";
  write(to_json(result_of(cost(1e6, 1e5), wrong, kMachine)).dump() + "\n" + old.dump() + "\n");
  const Baseline baseline = read_baseline(path);
  EXPECT_FALSE(baseline.results.at("op shape").timing.accuracy.passed());
  EXPECT_FALSE(baseline.results.at("old shape").timing.accuracy.measured());
}

TEST(Table, RowsFitUnderTheHeader) {
  const Result r = result_of(cost(1e6, 1e5), taking(40), kMachine);
  EXPECT_EQ(table_row(r).size(), table_header(false).size());
}

TEST(Table, AWrongKernelHasNoTime) {
  Timing wrong;
  wrong.accuracy = {2e-3, 1e-6};
  wrong.path = "cuDNN 7";
  const std::string row = table_row(result_of(cost(1e6, 1e5), wrong, kMachine));
  EXPECT_THAT(row, testing::HasSubstr("WRONG: error 2.0e-03 is above the 1.0e-06 of its class (cuDNN 7); not timed"));
}

TEST(Breakdown, SetsPartsAgainstTheMeasuredStep) {
  Case step = cost(1e6, 0), first = cost(1e6, 0), second = cost(1e6, 0);
  step.op = "train m", first.op = "m: forward", second.op = "m: backward";
  first.part_of = second.part_of = "train m shape";
  const std::vector<Case> cases{step, first, second};
  std::map<std::string, Result> results;
  const auto add = [&](const Case& c, double us) { results[c.name()] = result_of(c, taking(us), kMachine); };
  add(step, 1000);
  add(first, 200);
  EXPECT_TRUE(breakdowns(cases, results).empty());  // a part was filtered out
  add(second, 500);
  const auto found = breakdowns(cases, results);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].rest_us(), 300, 1e-9);
  EXPECT_EQ(describe(found[0]),
            "train m shape: 1.000 ms, 1000.0 steps/s, 0 images/s = forward 20.0 % + backward 50.0 % + rest 30.0 %");
  EXPECT_EQ(to_json(found[0])["parts_us"]["backward"], 500.0);
}

}  // namespace
}  // namespace crc::bench
