// Asks cuDNN, on any machine, what it would run on a GPU that is not here: every convolution of WRN-28-2 in every pass
// must have an engine that keeps our rules (kernels/cuda/cudnn.h).
#include <gtest/gtest.h>

#include <set>

#include "kernels/core/error.h"
#include "tests/kernels/cuda/described_gpu.h"

namespace crc::test {
namespace {

class CudnnProbe : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      cudnn::library();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    gpu = described_gpu(GetParam());
  }
  void expect_engines(Dtype dtype, bool tf32) {
    for (const ConvProblem& problem : wrn_convolutions(dtype, tf32))
      for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
        cudnn::ConvGraph graph(gpu, pass, problem);
        const auto plans = graph.plans(1);
        ASSERT_EQ(plans.size(), 1u) << to_string(pass) << " " << to_string(problem) << graph.refusals();
        EXPECT_GE(plans[0].engine, 0);
        EXPECT_LT(plans[0].workspace_bytes, 512 << 20);
      }
  }
  cudnn::Target gpu;
};

TEST_P(CudnnProbe, HasAnEngineForEveryConvolutionInBf16) {
  if (GetParam() != std::string("t4")) return expect_engines(Dtype::bf16, false);
  cudnn::ConvGraph graph(gpu, ConvPass::forward, wrn_convolutions(Dtype::bf16)[1]);
  EXPECT_TRUE(graph.plans(1).empty());  // Context::has_tf32_and_bf16() says so
}
TEST_P(CudnnProbe, HasAnEngineForEveryConvolutionInTf32) { expect_engines(Dtype::f32, true); }
TEST_P(CudnnProbe, HasAnEngineForEveryConvolutionInTrueFp32) { expect_engines(Dtype::f32, false); }

// What cuDNN advises first is often an engine that copies both activations into another layout: 240 MB for a layer of
// 32 channels. In tf32 it has no other weight gradients on GPUs before and beside Hopper's; the gate has one of ours.
TEST_P(CudnnProbe, ThePlainPlanConvertsNoWholeActivations) {
  for (const auto& [dtype, tf32] : {std::pair{Dtype::f32, false}, {Dtype::f32, true}, {Dtype::bf16, false}})
    for (const ConvProblem& problem : wrn_convolutions(dtype, tf32))
      for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
        if (dtype == Dtype::bf16 && GetParam() == std::string("t4")) continue;
        if (problem.c == 3 && pass == ConvPass::backward_data) continue;  // images have no gradient
        if (tf32 && pass == ConvPass::backward_weights) continue;
        cudnn::ConvGraph graph(gpu, pass, problem);
        const auto plans = graph.plans(cudnn::kOffered);
        ASSERT_FALSE(plans.empty()) << graph.refusals();
        const cudnn::Plan& plain = plans[cudnn::plain_plan(plans, problem)];
        EXPECT_LT(plain.workspace_bytes, (problem.x_size() + problem.y_size()) * size_of(dtype))
            << to_string(pass) << " " << to_string(problem) << ": " << plain.name;
      }
}

// A stored choice is found again by its name.
TEST_P(CudnnProbe, PlansHaveNamesOfTheirOwn) {
  const ConvProblem problem = wrn_convolutions(Dtype::f32, true)[2];
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
    cudnn::ConvGraph graph(gpu, pass, problem);
    std::set<std::string> names;
    for (const cudnn::Plan& plan : graph.plans(cudnn::kOffered)) {
      EXPECT_TRUE(names.insert(plan.name).second) << plan.name;
      cudnn::ConvGraph later(gpu, pass, problem);
      const auto again = later.plan_named(plan.name);
      ASSERT_TRUE(again) << plan.name;
      EXPECT_EQ(again->engine, plan.engine);
      EXPECT_EQ(again->workspace_bytes, plan.workspace_bytes);
    }
    EXPECT_GT(names.size(), 1u);
    EXPECT_FALSE(graph.plan_named("cuDNN 1 [of another version]"));
  }
}

TEST_P(CudnnProbe, RefusesTensorCoresInTrueFp32Only) {
  const auto refusals = [&](bool tf32) {
    cudnn::ConvGraph graph(gpu, ConvPass::forward, {960, 16, 16, 64, 64, 3, 1, 1, Dtype::f32, tf32});
    EXPECT_FALSE(graph.plans(1000).empty());  // all that there are
    return graph.refusals();
  };
  const bool has_them = GetParam() != std::string("t4");  // for tf32
  EXPECT_EQ(refusals(false).find("tensor core") != std::string::npos, has_them);
  EXPECT_EQ(refusals(true).find("tensor core"), std::string::npos);
}

TEST_P(CudnnProbe, SaysWhyThereIsNoPlan) {
  try {
    cudnn::ConvGraph(gpu, ConvPass::forward, {1, 2, 2, 4, 4, 5, 1, 0, Dtype::f32, false});
    FAIL() << "a kernel larger than its input was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("CUDNN_STATUS"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(, CudnnProbe, ::testing::Values("t4", "rtx3090", "a100", "rtx4090", "h200", "b200", "rtx5090"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace crc::test
