// Asks cuDNN, on any machine, what it would run on a GPU that is not here: every convolution of WRN-28-2 in every pass
// must have an engine that keeps our rules (kernels/cuda/cudnn.h).
#include <gtest/gtest.h>

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

TEST_P(CudnnProbe, HasAnEngineForEveryConvolutionInBf16) { expect_engines(Dtype::bf16, false); }
TEST_P(CudnnProbe, HasAnEngineForEveryConvolutionInTf32) { expect_engines(Dtype::f32, true); }
TEST_P(CudnnProbe, HasAnEngineForEveryConvolutionInTrueFp32) { expect_engines(Dtype::f32, false); }

TEST_P(CudnnProbe, RefusesTensorCoresInTrueFp32Only) {
  const auto refusals = [&](bool tf32) {
    cudnn::ConvGraph graph(gpu, ConvPass::forward, {960, 16, 16, 64, 64, 3, 1, 1, Dtype::f32, tf32});
    EXPECT_FALSE(graph.plans(1000).empty());  // all that there are
    return graph.refusals();
  };
  EXPECT_NE(refusals(false).find("tensor core"), std::string::npos);
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

INSTANTIATE_TEST_SUITE_P(, CudnnProbe, ::testing::Values("h200", "a100"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace crc::test
