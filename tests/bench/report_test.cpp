// Percentages, the JSON twin and --compare.
#include "bench/report.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace crc::bench {
namespace {

constexpr Ceilings kMachine{.fp32 = 100e9, .fp64 = 50e9, .tensor = 1e12, .bandwidth = 10e9};

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

TEST(Table, RowsFitUnderTheHeader) {
  const Result r = result_of(cost(1e6, 1e5), taking(40), kMachine);
  EXPECT_EQ(table_row(r).size(), table_header(false).size());
}

}  // namespace
}  // namespace crc::bench
