// Which fused bf16 graphs the linked cuDNN takes, asked without a GPU for the records beside this file. A fused
// schedule of a residual unit may count on what is pinned here; what is refused has to be a kernel of ours. Acceptance
// says that a kernel is generated and compiles, not that it is fast.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <set>

#include "kernels/core/error.h"
#include "tests/kernels/cuda/described_gpu.h"
#include "tests/kernels/cuda/fused_graph.h"

namespace crc::test {
namespace {

constexpr auto kBf16 = CUDNN_DATA_BFLOAT16, kFp32 = CUDNN_DATA_FLOAT;
constexpr float kSlope = 0.1f;

using Node = FusedGraph::Tensor;

// A convolution's arrays.
struct Shapes {
  explicit Shapes(const ConvProblem& p) : x{p.n, p.h, p.w, p.c}, w{p.k, p.r, p.r, p.c}, y{p.n, p.p(), p.q(), p.k} {}
  FusedGraph::Shape x, w, y;
};

// x * scale + shift per channel, in fp32.
Node affine(FusedGraph& g, FusedGraph::Shape shape, Node x, cudnnDataType_t constants) {
  Node scaled = g.between(shape), shifted = g.between(shape);
  g.multiply(scaled, x, g.channels(shape.c, constants));
  g.add(shifted, scaled, g.channels(shape.c, constants));
  return shifted;
}
// Per channel the sums of a and of a * b, over images and positions.
void two_sums(FusedGraph& g, FusedGraph::Shape shape, Node a, Node b) {
  g.sum(g.channels(shape.c, kFp32), a);
  Node product = g.between(shape);
  g.multiply(product, a, b);
  g.sum(g.channels(shape.c, kFp32), product);
}

// Evaluation with folded statistics: conv -> scale, shift -> + residual -> LeakyReLU.
void epilogue(FusedGraph& g, const ConvProblem& p) {
  const Shapes s(p);
  Node y = g.between(s.y), sum = g.between(s.y), out = g.tensor(s.y, kBf16);
  g.convolution(ConvPass::forward, p, y, g.tensor(s.x, kBf16), g.tensor(s.w, kBf16));
  g.add(sum, affine(g, s.y, y, kFp32), g.tensor(s.y, kBf16));
  g.relu(out, sum, kSlope);
}
// Training, forward: scale, shift -> LeakyReLU -> conv (-> + residual) -> sum and sum of squares for the next norm.
void forward_unit(FusedGraph& g, const ConvProblem& p, bool residual) {
  const Shapes s(p);
  Node x = g.tensor(s.x, kBf16), a = g.between(s.x, kBf16), out = g.tensor(s.y, kBf16);
  g.relu(a, affine(g, s.x, x, kBf16), kSlope);
  if (residual) {
    Node y = g.between(s.y);
    g.convolution(ConvPass::forward, p, y, a, g.tensor(s.w, kBf16));
    g.add(out, y, g.tensor(s.y, kBf16));
  } else {
    g.convolution(ConvPass::forward, p, out, a, g.tensor(s.w, kBf16));
  }
  two_sums(g, s.y, out, out);
}
// Training, backward: dgrad -> through the LeakyReLU of the recomputed norm -> its two sums.
void backward_unit(FusedGraph& g, const ConvProblem& p) {
  const Shapes s(p);
  Node da = g.between(s.x), x = g.tensor(s.x, kBf16), dz = g.tensor(s.x, kBf16);
  g.convolution(ConvPass::backward_data, p, da, g.tensor(s.y, kBf16), g.tensor(s.w, kBf16));
  g.relu_backward(dz, da, affine(g, s.x, x, kFp32), kSlope);
  two_sums(g, s.x, dz, x);
}

class CudnnFusion : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      cudnn::library();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    // Runtime fusion asks for a driver, and the toolkit's stub is enough until it would load a kernel.
    if (!dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) && !dlopen(CRC_CUDA_STUB, RTLD_NOW | RTLD_GLOBAL))
      GTEST_SKIP() << "neither a driver (libcuda.so.1) nor the toolkit's stub (" CRC_CUDA_STUB ") is here";
    gpu = described_gpu(GetParam());
  }
  // Describes a graph and asks; what cannot even be described is refused too.
  template <class Describe> bool accepted(Describe describe, bool compiled = false) {
    FusedGraph graph(gpu);
    why.clear();
    try {
      describe(graph);
      return graph.engine(compiled, why) >= 0;
    } catch (const Error& error) {
      why = error.what();
      return false;
    }
  }
  // `describe` on every convolution of WRN-28-2; the prologue and the sums need channels in multiples of 8.
  template <class Describe> void expect_on_every_shape(Describe describe, bool with_images) {
    for (const ConvProblem& p : wrn_convolutions(Dtype::bf16)) {
      const bool expected = with_images || p.c % 8 == 0;
      EXPECT_EQ(accepted([&](FusedGraph& g) { describe(g, p); }), expected) << to_string(p) << why;
    }
  }
  const ConvProblem narrow{kProbeImages, 32, 32, 32, 32, 3, 1, 1, Dtype::bf16};
  const FusedGraph::Shape shape{kProbeImages, 32, 32, 32};
  cudnn::Target gpu;
  std::string why;
};

TEST_P(CudnnFusion, TakesScaleBiasResidualAndLeakyReluAfterAConvolution) { expect_on_every_shape(epilogue, true); }
TEST_P(CudnnFusion, TakesAResidualUnitsForwardPass) {
  expect_on_every_shape([](FusedGraph& g, const ConvProblem& p) { forward_unit(g, p, /*residual=*/false); }, false);
  expect_on_every_shape([](FusedGraph& g, const ConvProblem& p) { forward_unit(g, p, /*residual=*/true); }, false);
}
TEST_P(CudnnFusion, TakesAResidualUnitsBackwardPass) { expect_on_every_shape(backward_unit, false); }

TEST_P(CudnnFusion, CompilesBothPassesOfAUnit) {  // some seconds: once per architecture
  EXPECT_TRUE(accepted([&](FusedGraph& g) { forward_unit(g, narrow, true); }, /*compiled=*/true)) << why;
  EXPECT_TRUE(accepted([&](FusedGraph& g) { backward_unit(g, narrow); }, /*compiled=*/true)) << why;
}

// Weight gradients come out in bf16: sums over 983,040 positions lose what the optimizer needs (T1 casts; T3 must not).
TEST_P(CudnnFusion, RefusesFp32WeightGradientsOfBf16Arrays) {
  for (const ConvProblem& p : wrn_convolutions(Dtype::bf16)) {
    const Shapes s(p);
    for (const cudnnDataType_t type : {kFp32, kBf16})
      EXPECT_EQ(accepted([&](FusedGraph& g) {
                  g.convolution(ConvPass::backward_weights, p, g.tensor(s.w, type), g.tensor(s.y, kBf16),
                                g.tensor(s.x, kBf16));
                }),
                type == kBf16)
          << to_string(p) << why;
  }
}

TEST_P(CudnnFusion, FusesReluButNotLeakyReluIntoBatchNorm) {
  const auto norm = [&](float slope) {
    return accepted([&](FusedGraph& g) {
      Node y = g.between(shape);
      g.batch_norm(y, g.tensor(shape, kBf16), shape.c);
      g.relu(g.tensor(shape, kBf16), y, slope);
    });
  };
  EXPECT_TRUE(norm(0)) << why;
  EXPECT_FALSE(norm(kSlope));
  const auto backward = [&](bool leaky) {
    return accepted([&](FusedGraph& g) {
      Node dy = g.tensor(shape, kBf16), dz = g.between(shape);
      if (leaky) g.relu_backward(dz, dy, g.tensor(shape, kBf16), kSlope);
      g.batch_norm_backward(g.tensor(shape, kBf16), leaky ? dz : dy, g.tensor(shape, kBf16), shape.c);
    });
  };
  EXPECT_TRUE(backward(false)) << why;
  EXPECT_FALSE(backward(true));
}

// Statistics by their own node. 9.19 was first thought to refuse all of these in bf16, through the frontend; asked
// through the backend API as here, it takes them.
TEST_P(CudnnFusion, TakesGenstats) {
  const auto asked = [&](bool prologue, bool residual) {
    return accepted([&](FusedGraph& g) {
      Node x = g.tensor(shape, kBf16), w = g.tensor({32, 3, 3, 32}, kBf16), out = g.tensor(shape, kBf16);
      Node a = g.between(shape, kBf16), y = g.between(shape);
      if (prologue) g.relu(a, affine(g, shape, x, kBf16), kSlope);
      g.convolution(ConvPass::forward, narrow, residual ? y : out, prologue ? a : x, w);
      if (residual) g.add(out, y, g.tensor(shape, kBf16));
      g.statistics(g.channels(32, kFp32), g.channels(32, kFp32), out);
    });
  };
  for (const bool prologue : {false, true})
    for (const bool residual : {false, true})
      EXPECT_TRUE(asked(prologue, residual)) << "prologue " << prologue << ", residual " << residual << why;
}

INSTANTIATE_TEST_SUITE_P(, CudnnFusion, ::testing::Values("h200", "a100"),
                         [](const auto& info) { return std::string(info.param); });

// What the project does use (kernels/ops/conv2d_join.h): a residual added on the way out, forward and in data gradients,
// by engines whose bits do not vary. sm_80, 90, 100 and 120.
class CudnnFusedAddition : public CudnnFusion {
 protected:
  std::vector<std::string> offered(ConvPass pass, const ConvProblem& p) {
    cudnn::ConvGraph graph(gpu, pass, p, cudnn::Fused::plus);
    const std::vector<std::string> names = graph.names();
    why = graph.refusals();
    return names;
  }
};

TEST_P(CudnnFusedAddition, IsOfferedForEveryResidualOfANetwork) {
  for (const auto& [dtype, tf32] : {std::pair{Dtype::bf16, false}, {Dtype::f32, true}})
    for (const ConvProblem& p : wrn_convolutions(dtype, tf32)) {
      if (p.r == 1 || p.c == 3) continue;  // residuals join 3x3 convolutions; images have no gradient
      EXPECT_FALSE(offered(ConvPass::forward, p).empty()) << to_string(p) << why;
      EXPECT_FALSE(offered(ConvPass::backward_data, p).empty()) << to_string(p) << why;
    }
}

// The notes that the rules of cudnn.h go by are kept for fused engines, too.
TEST_P(CudnnFusedAddition, UsesNoTensorCoresInStrictFp32) {
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data}) {
    const ConvProblem strict{kProbeImages, 32, 32, 32, 32, 3, 1, 1, Dtype::f32, false};
    ConvProblem tf32 = strict;
    tf32.tf32 = true;
    const size_t allowed = offered(pass, tf32).size();
    EXPECT_LT(offered(pass, strict).size(), allowed);
    EXPECT_NE(why.find("refused, tensor core"), std::string::npos) << why;
  }
  EXPECT_THROW(cudnn::ConvGraph(gpu, ConvPass::backward_weights, narrow, cudnn::Fused::plus), Error);
}

// The first of each is made into a plan, which compiles it: seconds.
TEST_P(CudnnFusedAddition, HasNamesOfItsOwnThatAPlanIsFoundBy) {
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data}) {
    const std::vector<std::string> names = offered(pass, narrow);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
    cudnn::ConvGraph graph(gpu, pass, narrow, cudnn::Fused::plus);
    EXPECT_TRUE(graph.plan_named(names.at(0)) || only_the_driver_is_missing(graph.refusals())) << graph.refusals();
    cudnn::ConvGraph other(gpu, pass, narrow, cudnn::Fused::plus);
    EXPECT_FALSE(other.plan_named("cuDNN 1 [of another version]"));
  }
}

INSTANTIATE_TEST_SUITE_P(, CudnnFusedAddition, ::testing::Values("a100", "h200", "b200", "rtx5090"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace crc::test
