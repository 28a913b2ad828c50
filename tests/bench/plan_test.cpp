#include "bench/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "bench/step_times.h"

namespace crc::bench {
namespace {

PlannedOp total_of(const std::string& method, const Precision& precision) {
  return plan_step(method, precision, kH200).total();
}

// Counted by hand: 428.7 MFLOP an image forward, as much for weight gradients, 0.88 less (the stem's) for data gradients.
TEST(Plan, CountsTheArithmeticOfAStep) {
  constexpr double kForward = 428.7e6, kStem = 0.88e6;
  const Precision bf16 = precisions({.cuda = true}).back();
  EXPECT_NEAR(total_of("fixmatch", bf16).flops, 960 * (3 * kForward - kStem), 960 * 0.2e6);
  EXPECT_NEAR(total_of("mean_teacher", bf16).flops, 300 * kForward + 200 * (2 * kForward - kStem), 300 * 0.2e6);
}

TEST(Plan, HalfTheBytesAreHalfTheTraffic) {
  const auto all = precisions({.cuda = true});
  const PlannedOp fp32 = total_of("fixmatch", all[0]), tf32 = total_of("fixmatch", all[1]),
                  bf16 = total_of("fixmatch", all[2]);
  EXPECT_EQ(fp32.bytes, tf32.bytes);
  EXPECT_NEAR(bf16.bytes / fp32.bytes, 0.5, 0.02);
  EXPECT_EQ(fp32.kernels, tf32.kernels);
  EXPECT_EQ(bf16.kernels, fp32.kernels) << "the optimizer rounds the weights";
  for (const PlannedOp& step : {fp32, tf32, bf16}) EXPECT_LT(step.floor, step.predicted);
  EXPECT_GT(fp32.floor, tf32.floor);
  EXPECT_GT(tf32.floor, bf16.floor);
}

// A real step, as small as it gets: its ops are those that the plan of its method has, each with a time.
TEST(StepTimes, EveryOpOfARealStepHasItsTime) {
  Context context = Context::cpu(2);
  const Precision fp32 = precisions({})[0];
  const MeasuredStep step = measure_step(context, {.quick = true}, "fixmatch", fp32, kH200, 2);
  EXPECT_EQ(step.name, "fixmatch WRN-28-2 3x32x32 fp32");
  std::map<std::string, int64_t> calls, planned;
  for (const MeasuredOp& op : step.ops) {
    EXPECT_GT(op.seconds, 0) << op.planned.name;
    calls[op.planned.name] += op.planned.calls;
  }
  for (const PlannedOp& op : plan_step("fixmatch", fp32, kH200).ops) planned[op.name] += op.calls;
  EXPECT_EQ(calls, planned);
  EXPECT_GT(step.in_ops(), 0.5 * step.seconds);
  EXPECT_TRUE(std::ranges::is_sorted(step.ops, std::greater<>(), &MeasuredOp::seconds));
  const std::string table = describe(step);
  for (const char* row : {"conv2d_backward_weights     32x32", "sgd_step                        -", "ops together"})
    EXPECT_NE(table.find(row), std::string::npos) << table;
  EXPECT_EQ(to_json(step).at("ops").size(), step.ops.size());
}

TEST(Plan, APassIsAPass) {
  const StepPlan plan = plan_step("fixmatch", precisions({.cuda = true}).back(), kH200);
  int64_t convolutions = 0, updates = 0;
  for (const PlannedOp& op : plan.ops) {
    if (op.name == "conv2d" || op.name == "conv2d_join") convolutions += op.calls;
    if (op.name == "sgd_step") updates += op.calls;
    EXPECT_NE(op.name, "set_step") << "before the step";
  }
  EXPECT_EQ(convolutions, 28);
  EXPECT_EQ(updates, 1);
  EXPECT_NE(describe(plan).find("fixmatch WRN-28-2 960x32x32 bf16"), std::string::npos);
}

// Of WRN-28-2 as wired by default (raw_x, nn/wrn.h): twelve residuals, of which additions of their own join three and
// two more where the next block reads them raw, a batch norm's pass all others; and three gradients of shortcuts.
TEST(Plan, FusedResidualsSaveTheirMoves) {
  const Precision bf16 = precisions({.cuda = true}).back();
  const StepPlan apart = plan_step("fixmatch", bf16, kH200), fused = plan_step("fixmatch", bf16, kH200, true);
  EXPECT_EQ(apart.total().kernels - fused.total().kernels, 3 + 2 + 3);
  // In moves of the first block's 32 channels at 32 x 32; blocks are 1, 1/2 and 1/4 of it: one move of what a norm would
  // add, two of what an addition would, two of the gradient of a first unit's input.
  const double move = 960.0 * 32 * 32 * 32 * 2, saved = 3 * 1.75 + 2 * 1.75 + (1 + 0.5) + 2 * (0.5 + 1 + 0.5);
  EXPECT_NEAR(apart.total().bytes - fused.total().bytes, saved * move, 0.01 * move);
  EXPECT_EQ(apart.total().flops, fused.total().flops);
  EXPECT_LT(fused.total().predicted, apart.total().predicted);
  EXPECT_NE(describe(fused, apart).find("kernels instead of"), std::string::npos);
}

}  // namespace
}  // namespace crc::bench
