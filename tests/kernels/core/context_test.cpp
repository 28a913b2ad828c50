#include "kernels/core/context.h"

#include "kernels/core/tensor.h"
#include "tests/kernels/core/expect_error.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class ContextTest : public OnDevice {};

bool has_cuda() { return devices().size() > 1; }

TEST(ContextNames, UnknownNamesAreConfigErrors) {
  for (const std::string name : {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:1000000"})
    expect_error(ExitCode::config, "device \"" + name + "\" is not known; use auto, cpu, cuda or cuda:<number>",
                 [&] { Context::from_name(name); });
}

TEST(ContextNames, CudaWithoutItIsAnErrorThatSaysWhatToDo) {
  static_assert(int(ExitCode::device_unavailable) == 69);
  try {
    Context::from_name("cuda:999");
    FAIL() << "a thousand GPUs?";
  } catch (const Error& e) {
    EXPECT_EQ(int(e.code()), 69);
    const std::string message = e.what();
    if (!kCudaBuild) {
      EXPECT_EQ(message,
                "device cuda:999: this build has no CUDA backend; build with the CUDA toolkit installed (cmake "
                "--preset cuda) or use the CPU (run.device = \"cpu\", --device cpu)");
    } else if (has_cuda()) {
      EXPECT_TRUE(message.starts_with("device cuda:999 does not exist: this machine has ") &&
                  message.ends_with(" GPU(s), numbered from 0"))
          << message;
    } else {
      EXPECT_TRUE(
          message.starts_with("device cuda:999: no usable NVIDIA GPU (") &&
          message.ends_with("); check the driver with nvidia-smi, or use the CPU (run.device = \"cpu\", --device cpu)"))
          << message;
    }
  }
}

TEST(ContextNames, AutoTakesWhatWorks) {
  EXPECT_EQ(Context::from_name("auto").device().kind, has_cuda() ? DeviceKind::cuda : DeviceKind::cpu);
  EXPECT_EQ(Context::from_name("cpu").device(), Device{});
  EXPECT_EQ(Context::from_name("cpu").choice(), "");
  const std::string choice = Context::from_name("auto").choice();
  EXPECT_TRUE(choice.starts_with(has_cuda() ? "cuda:0, " : "cpu, ")) << choice;
  if (!kCudaBuild) {
    EXPECT_TRUE(choice.ends_with(" threads; not cuda:0: this build has no CUDA backend")) << choice;
  }
}

TEST(ContextNames, TheCpuSaysItsThreads) { EXPECT_EQ(Context::cpu(3).describe(), "cpu, 3 threads"); }

TEST_P(ContextTest, MovesArraysAndClearsThem) {
  const std::vector<int32_t> host{1, -2, 3, 4, 5, 6};
  Tensor a = Tensor::from_host(context, {2, 3}, host.data(), "a");
  const Tensor b(context, {2, 3}, Dtype::i32, "b");
  EXPECT_EQ(b.to_host<int32_t>(context), (std::vector<int32_t>(6))) << "tensors start at zero";
  const auto view = a.view<int32_t, 2>();
  context.copy(b.view<int32_t, 2>().slice(0, 1), view.slice(1, 2));
  EXPECT_EQ(b.to_host<int32_t>(context), (std::vector<int32_t>{4, 5, 6, 0, 0, 0}));
  context.set_zero(view.slice(0, 1));
  EXPECT_EQ(a.to_host<int32_t>(context), (std::vector<int32_t>{0, 0, 0, 4, 5, 6}));
  const Tensor moved = std::move(a);
  EXPECT_STREQ(view.name, "a") << "a view outlives moves of its tensor";
  EXPECT_EQ((moved.view<int32_t, 2>().data), view.data);
}

TEST_P(ContextTest, TensorsKnowTheirTypeAndRank) {
  const Tensor t(context, {2, 3}, Dtype::f32, "t");
  EXPECT_EQ((t.view<float, 1>().shape[0]), 6);
  expect_error(ExitCode::internal, "tensor 't' is f32 of rank 2, asked for f32 of rank 3",
               [&] { (void)t.view<float, 3>(); });
  expect_error(ExitCode::internal, "tensor 't' is f32 of rank 2, asked for bf16 of rank 2",
               [&] { (void)t.view<bf16, 2>(); });
  expect_error(ExitCode::internal, "an empty tensor was asked for a view", [] { (void)Tensor().view<float, 1>(); });
}

TEST_P(ContextTest, RecordedWorkCanBeRepeated) {
  Tensor a(context, {4}, Dtype::u8, "a"), b(context, {4}, Dtype::u8, "b");
  const auto replay = context.record([&] { context.copy(a.view<uint8_t, 1>(), b.view<const uint8_t, 1>()); });
  for (const uint8_t value : {7, 9}) {
    const std::vector<uint8_t> host(4, value);
    context.copy_in(b.view<uint8_t, 1>(), host.data());
    replay();
    EXPECT_EQ(a.to_host<uint8_t>(context), host);
  }
}

// A trace that times ops knows of each what it took: at once, and of a graph in its last replay.
TEST_P(ContextTest, OpsAreTimed) {
  constexpr int64_t kLong = 1 << 20;
  const Tensor small(context, {1}, Dtype::f32, "small"), large(context, {kLong}, Dtype::f32, "large");
  Trace trace;  // outlives the graph
  const auto work = [&] {
    context.set_zero(small.view<float, 1>());
    context.copy(large.view<float, 1>(), large.view<float, 1>());
  };
  context.trace_into(&trace);
  work();
  context.synchronize();
  EXPECT_EQ(context.seconds(trace.ops().at(0)), 0) << "not asked for";
  trace.times_ops = true;
  work();
  const auto replay = context.record(work);
  replay();
  context.synchronize();
  context.trace_into(nullptr);
  ASSERT_EQ(trace.ops().size(), 6u);
  for (size_t op = 2; op < 6; ++op) EXPECT_GE(context.seconds(trace.ops()[op]), 0);
  EXPECT_GT(context.seconds(trace.ops()[3]) + context.seconds(trace.ops()[5]), 0);
}

TEST_P(ContextTest, MemoryKeepsItsBackendAlive) {
  Tensor survivor;
  {
    Context other = Context::from_name(GetParam());
    survivor = Tensor(other, {1 << 10}, Dtype::f32, "survivor");
  }
  survivor = Tensor();  // released into a backend that nobody else holds
}

CRC_ON_EACH_DEVICE(ContextTest);

}  // namespace
}  // namespace crc::test
