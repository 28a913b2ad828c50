// From a configuration to networks and to the memory that a run will take.
#include "apps/train/experiment.h"

#include <gtest/gtest.h>

#include "apps/config/recipes.h"
#include "apps/train/plan.h"
#include "tests/expect_error.h"

namespace crc::test {
namespace {

using namespace crc::apps;

TEST(Experiment, AcquisitionsSeeTrueFp32WhateverTheArithmeticOfTraining) {
  for (const std::string precision : {"fp32", "tf32", "bf16"}) {
    const Config config = resolve_recipe("demo", {"run.precision=" + precision, "data.train_size=60"});
    const data::Dataset dataset = load_dataset(config);
    const auto net = make_net(config, dataset), exact = make_exact_net(config, dataset);
    EXPECT_EQ(net->exact(), precision == "fp32") << precision;
    EXPECT_TRUE(exact->exact()) << precision;
    EXPECT_EQ(exact->layout().total(), net->layout().total()) << precision;
  }
}

// On a GPU: tests/emulator/first_contact_test.cpp says what it has.
TEST(Experiment, TheCpuTakesFp32WhereThatIsAllowed) {
  const Context cpu = Context::cpu(1);
  for (const std::string asked : {"auto", "fp32", "tf32"})
    EXPECT_EQ(precision_on(cpu, resolve_recipe("demo", {"run.precision=" + asked})), nn::Precision::fp32) << asked;
  check_precision(cpu, resolve_recipe("demo", {"run.precision=fp32"}));
  expect_error(ExitCode::corrupt_data, {"config.toml does not say in which precision the run began"},
               [&] { check_precision(cpu, resolve_recipe("demo", {"run.precision=auto"})); });
  expect_error(ExitCode::config, {"this run began in tf32, which cpu lacks; continue it on a GPU"},
               [&] { check_precision(cpu, resolve_recipe("demo", {"run.precision=tf32"})); });
}

// A CPU with AVX512-BF16 trains in bf16 where that is asked for; another says what it lacks.
TEST(Experiment, TheCpuTakesBf16WhereItIsAskedFor) {
  const Context cpu = Context::cpu(1);
  const Config config = resolve_recipe("demo", {"run.precision=bf16"});
  if (cpu.has_bf16()) {
    EXPECT_EQ(precision_on(cpu, config), nn::Precision::bf16);
    check_precision(cpu, config);
    return;
  }
  expect_error(ExitCode::config,
               {"run.precision = \"bf16\" needs a CUDA device from sm_80 on or a CPU with AVX512-BF16",
                "on cpu, which lacks it"},
               [&] { precision_on(cpu, config); });
  expect_error(ExitCode::config, {"this run began in bf16, which cpu lacks", "or a CPU with AVX512-BF16"},
               [&] { check_precision(cpu, config); });
}

// Half the bytes for bf16 activations; every array once.
TEST(Experiment, MemoryIsPlannedForAnyPrecision) {
  std::vector<double> step;
  for (const std::string precision : {"fp32", "bf16"}) {
    const Config config = resolve_recipe("demo", {"run.precision=" + precision, "data.train_size=60"});
    const data::Dataset dataset = load_dataset(config);
    const auto net = make_net(config, dataset);
    const LabelPlan labels = plan_labels(config, dataset, std::nullopt);
    const std::string totals = memory_totals(config, dataset, *net, labels);
    const size_t at = totals.find("         (");
    ASSERT_NE(at, std::string::npos) << totals;
    step.push_back(std::stod(totals.substr(at + 10)));
    const std::string table = memory_table(config, dataset, *net, labels);
    for (const char* array : {"unit output", "gradient of the residual stream", "pseudo-labels", "momentum"})
      EXPECT_NE(table.find(array), std::string::npos) << array;
  }
  EXPECT_LT(step[1], 0.6 * step[0]);
  EXPECT_GT(step[1], 0.4 * step[0]);
}

}  // namespace
}  // namespace crc::test
