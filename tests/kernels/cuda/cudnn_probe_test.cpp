// Asks cuDNN, on any machine, what it would run on a GPU that is not here: every convolution of WRN-28-2 in every pass
// must have an engine that keeps our rules (kernels/cuda/cudnn.h). The GPU is the record in h200.json.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "kernels/core/error.h"
#include "kernels/cuda/cudnn_graph.h"

namespace crc::test {
namespace {

// {c, k, side, r, stride} of each kind of convolution in WRN-28-2
constexpr int64_t kShapes[][5] = {{3, 16, 32, 3, 1},   {16, 32, 32, 3, 1}, {32, 32, 32, 3, 1}, {16, 32, 32, 1, 1},
                                  {32, 64, 32, 3, 2},  {64, 64, 16, 3, 1}, {32, 64, 32, 1, 2}, {64, 128, 16, 3, 2},
                                  {128, 128, 8, 3, 1}, {64, 128, 16, 1, 2}};

class CudnnProbe : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      cudnn::library();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    std::ifstream file(CRC_SOURCE_DIR "/tests/kernels/cuda/h200.json");
    const std::string json{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(json.empty());
    h200 = cudnn::described_target(json);
  }
  void expect_engines(Dtype dtype, bool tf32) {
    for (const auto& [c, k, side, r, stride] : kShapes)
      for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
        const ConvProblem problem{960, side, side, c, k, r, stride, r / 2, dtype, tf32};
        cudnn::ConvGraph graph(h200, pass, problem);
        const auto plans = graph.plans(1);
        ASSERT_EQ(plans.size(), 1u) << to_string(pass) << " " << to_string(problem) << graph.refusals();
        EXPECT_GE(plans[0].engine, 0);
        EXPECT_LT(plans[0].workspace_bytes, 512 << 20);
      }
  }
  cudnn::Target h200;
};

TEST_F(CudnnProbe, HasAnEngineForEveryConvolutionInBf16) { expect_engines(Dtype::bf16, false); }
TEST_F(CudnnProbe, HasAnEngineForEveryConvolutionInTf32) { expect_engines(Dtype::f32, true); }
TEST_F(CudnnProbe, HasAnEngineForEveryConvolutionInTrueFp32) { expect_engines(Dtype::f32, false); }

TEST_F(CudnnProbe, RefusesTensorCoresInTrueFp32Only) {
  const auto refusals = [&](bool tf32) {
    cudnn::ConvGraph graph(h200, ConvPass::forward, {960, 16, 16, 64, 64, 3, 1, 1, Dtype::f32, tf32});
    EXPECT_FALSE(graph.plans(1000).empty());  // all that there are
    return graph.refusals();
  };
  EXPECT_NE(refusals(false).find("tensor core"), std::string::npos);
  EXPECT_EQ(refusals(true).find("tensor core"), std::string::npos);
}

TEST_F(CudnnProbe, SaysWhyThereIsNoPlan) {
  try {
    cudnn::ConvGraph(h200, ConvPass::forward, {1, 2, 2, 4, 4, 5, 1, 0, Dtype::f32, false});
    FAIL() << "a kernel larger than its input was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("CUDNN_STATUS"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace crc::test
