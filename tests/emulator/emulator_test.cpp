// The emulator itself: CUDA's rules for streams, capture and errors, and what it lets tests prove about real ops.
#include "tests/emulator/emulator.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/add.h"
#include "kernels/ops/sgd.h"
#include "tests/kernels/arrays.h"

namespace {

using crc::Context;
using emulator::counters;

__global__ void add_kernel(int* x, int n, int value) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] += value;
}
struct Held {  // pointers among the arguments are checked at the launch, these are not
  int* at;
};
__global__ void held_kernel(Held held) { *held.at = 1; }
__global__ void order_kernel(unsigned* ticket, unsigned* places) { places[threadIdx.x] = atomicAdd(ticket, 1u); }
__global__ void collectives_kernel(int* out) {
  const int t = threadIdx.x;
  const int total = __reduce_add_sync(0xffffffffu, t % 32);
  const unsigned same = __match_any_sync(0xffffffffu, t % 4);
  const int up = __shfl_up_sync(0xffffffffu, t, 1), down = __shfl_down_sync(0xffffffffu, t, 1, 8);
  const int odd = __syncthreads_count(t % 2), any = __syncthreads_or(t == 40), all = __syncthreads_and(t < 63);
  if (t == 37) {
    const int values[] = {total, int(same), up, down, odd, any, all};
    for (int i = 0; i < 7; ++i) out[i] = values[i];
  }
}

class Emulator : public ::testing::Test {
 protected:
  static constexpr int kN = 1000;
  Emulator() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&data, kN * sizeof(int)), cudaSuccess);
    EXPECT_EQ(cudaMemset(data, 0, kN * sizeof(int)), cudaSuccess);
  }
  ~Emulator() override {
    EXPECT_EQ(cudaFree(data), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    (void)cudaGetLastError();
  }
  void add(int value) { EXPECT_EQ(emulator::launch(add_kernel, 4, 256, 0, stream, data, kN, value), cudaSuccess); }
  std::vector<int> get() {
    std::vector<int> host(kN);
    EXPECT_EQ(cudaMemcpyAsync(host.data(), data, kN * sizeof(int), cudaMemcpyDeviceToHost, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    return host;
  }
  cudaStream_t stream = nullptr;
  int* data = nullptr;
};

TEST_F(Emulator, RunsAKernelOverTheWholeGrid) {
  add(3);
  EXPECT_EQ(get(), std::vector<int>(kN, 3));
}

TEST_F(Emulator, ComputesCollectives) {
  ASSERT_EQ(emulator::launch(collectives_kernel, 1, 64, 0, stream, data), cudaSuccess);
  const auto out = get();
  EXPECT_EQ(out[0], 31 * 16);
  EXPECT_EQ(unsigned(out[1]), 0x22222222u);
  EXPECT_EQ(out[2], 36);
  EXPECT_EQ(out[3], 38);
  EXPECT_EQ(out[4], 32);
  EXPECT_EQ(out[5], 1);
  EXPECT_EQ(out[6], 0);
}

// The thread's device is set for each piece of work, and is then what the host program had chosen.
TEST_F(Emulator, TwoDevicesServeOneThread) {
  setenv("EMULATOR_DEVICES", "2", 1);
  {
    Context contexts[] = {Context::cuda(0), Context::cuda(1)};
    const crc::Tensor ones[] = {crc::Tensor::from_host(contexts[0], {3}, std::vector<float>{1, 2, 3}.data(), "x"),
                                crc::Tensor::from_host(contexts[1], {3}, std::vector<float>{1, 2, 3}.data(), "x")};
    for (int chosen : {0, 1}) {
      ASSERT_EQ(cudaSetDevice(chosen), cudaSuccess);
      for (int d : {0, 1, 0}) {
        Context& context = contexts[d];
        const crc::Tensor sum(context, {3}, crc::Dtype::f32, "sum");
        EXPECT_EQ(emulator::device_of(sum.view<float, 1>().data), d);
        const auto work = [&] {
          crc::add(context, sum.view<float, 1>(), ones[d].view<const float, 1>(), ones[d].view<const float, 1>());
        };
        work();
        context.record(work)();
        context.side_by_side(2, [&](int, Context& branch) {
          const crc::Arena::Frame frame(branch.scratch());
          EXPECT_EQ(emulator::device_of(branch.scratch().take_bytes(1)), d);
        });
        EXPECT_EQ(sum.to_host<float>(context), (std::vector<float>{2, 4, 6}));
        int current = -1;
        EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
        EXPECT_EQ(current, chosen);
      }
    }
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  }
  unsetenv("EMULATOR_DEVICES");
}

// As on a GPU of the given kind: what a block may have, and how many a multiprocessor holds.
TEST_F(Emulator, HasTheSharedMemoryOfAnyArchitecture) {
  for (const int kilobytes : {64, 99, 163, 227}) {
    SCOPED_TRACE(kilobytes);
    setenv("EMULATOR_SHARED_KB", std::to_string(kilobytes).c_str(), 1);
    const auto kernel = reinterpret_cast<const void*>(add_kernel);
    const int most = kilobytes << 10;
    int limit = 0, blocks = 0;
    EXPECT_EQ(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
    EXPECT_EQ(limit, most);
    const auto allow = [&](int bytes) {
      return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    };
    EXPECT_EQ(allow(most + 1), cudaErrorInvalidValue);
    EXPECT_EQ(allow(most), cudaSuccess);
    EXPECT_EQ(emulator::launch(add_kernel, 4, 256, most, stream, data, kN, 1), cudaSuccess);
    EXPECT_EQ(emulator::launch(add_kernel, 4, 256, most + 1, stream, data, kN, 1), cudaErrorInvalidValue);
    const auto resident = [&](int threads, int bytes) {
      EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, bytes), cudaSuccess);
      return blocks;
    };
    EXPECT_EQ(resident(256, 0), 4);
    EXPECT_EQ(resident(32, most), 1);
    EXPECT_EQ(resident(32, most / 2 - 1024), 2);
    Context context = Context::cuda();
    const crc::Error refused = [&] {
      try {
        context.visit([&](auto& backend) {
          if constexpr (std::is_same_v<std::decay_t<decltype(backend)>, crc::Cuda>)
            crc::launch(backend, "add", add_kernel, {.blocks = 4, .threads = 256, .shared_bytes = size_t(most + 1)},
                        data, kN, 1);
        });
      } catch (const crc::Error& e) {
        return e;
      }
      return crc::Error(crc::ExitCode::internal, "no error");
    }();
    EXPECT_EQ(refused.code(), crc::ExitCode::device_unavailable);
    EXPECT_NE(std::string(refused.what()).find("op add needs " + std::to_string(most + 1) + " bytes of shared memory"),
              std::string::npos)
        << refused.what();
  }
  unsetenv("EMULATOR_SHARED_KB");
}

TEST_F(Emulator, WorkOfAStreamWaitsForSomebodyToWaitForIt) {
  std::vector<int> early(kN);
  add(1);
  ASSERT_EQ(cudaMemcpy(early.data(), data, kN * sizeof(int), cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(early, std::vector<int>(kN, 0)) << "the legacy stream does not wait for a non-blocking one";
  EXPECT_EQ(get(), std::vector<int>(kN, 1));
}

TEST_F(Emulator, EventsOrderStreams) {
  cudaStream_t other;
  cudaEvent_t event;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  add(1);
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  ASSERT_EQ(cudaStreamWaitEvent(other, event), cudaSuccess);
  std::vector<int> host(kN);
  ASSERT_EQ(cudaMemcpyAsync(host.data(), data, kN * sizeof(int), cudaMemcpyDeviceToHost, other), cudaSuccess);
  EXPECT_EQ(host, std::vector<int>(kN, 1));
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Emulator, CaptureRecordsAndReplays) {
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  int value = 5;
  add(value);
  value = 100;  // the argument was copied
  EXPECT_EQ(cudaMemsetAsync(data, 0, sizeof(int), stream), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(get(), std::vector<int>(kN, 0)) << "captured, not run";
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  std::vector<int> expected(kN, 15);
  expected[0] = 0;
  EXPECT_EQ(get(), expected);
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
}

TEST_F(Emulator, CaptureForbidsWaitingAndAllocating) {
  const auto expect_refused = [&](auto call) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(call(), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(emulator::launch(add_kernel, 4, 256, 0, stream, data, kN, 1), cudaErrorStreamCaptureInvalidated);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
    (void)cudaGetLastError();
  };
  int host = 0;
  void* more = nullptr;
  expect_refused([&] { return cudaMalloc(&more, 100); });
  expect_refused([&] { return cudaFree(data); });
  expect_refused([&] { return cudaStreamSynchronize(stream); });
  expect_refused([&] { return cudaDeviceSynchronize(); });
  expect_refused([&] { return cudaMemcpy(&host, data, sizeof host, cudaMemcpyDeviceToHost); });
  EXPECT_EQ(get(), std::vector<int>(kN, 0));
}

TEST_F(Emulator, ACaptureMayForkAndMustJoin) {
  cudaStream_t other;
  cudaEvent_t forked, joined;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming), cudaSuccess);
  const auto capture = [&](bool join) {
    EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(forked, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(other, forked), cudaSuccess);
    EXPECT_EQ(emulator::launch(add_kernel, 4, 256, 0, other, data, kN, 1), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(joined, other), cudaSuccess);
    if (join) {
      EXPECT_EQ(cudaStreamWaitEvent(stream, joined), cudaSuccess);
    }
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(other, &graph), cudaErrorStreamCaptureUnmatched);
    const cudaError_t status = cudaStreamEndCapture(stream, &graph);
    if (graph) (void)cudaGraphDestroy(graph);
    return status;
  };
  EXPECT_EQ(capture(true), cudaSuccess);
  EXPECT_EQ(capture(false), cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(cudaEventSynchronize(joined), cudaErrorCapturedEvent);
  EXPECT_EQ(cudaStreamWaitEvent(stream, joined), cudaErrorCapturedEvent) << "of a capture that ended";
  EXPECT_EQ(emulator::launch(add_kernel, 4, 256, 0, other, data, kN, 1), cudaSuccess) << "captures no more";
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(forked, other), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream, forked), cudaErrorStreamCaptureIsolation) << "from outside";
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(forked), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(joined), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
  (void)cudaGetLastError();
}

TEST_F(Emulator, AnErrorIsRememberedOnce) {
  EXPECT_EQ(emulator::launch(add_kernel, 1, 2000, 0, stream, data, kN, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Emulator, FreshMemoryIsGarbageAndTheDeviceIsFinite) {
  float* fresh = nullptr;
  ASSERT_EQ(cudaMalloc(&fresh, 4 * sizeof(float)), cudaSuccess);
  float host[4];
  ASSERT_EQ(cudaMemcpy(host, fresh, sizeof host, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_TRUE(host[0] != host[0]) << "NaN";
  EXPECT_EQ(cudaFree(fresh), cudaSuccess);
  void* huge = nullptr;
  EXPECT_EQ(cudaMalloc(&huge, emulator::kDeviceBytes + 1), cudaErrorMemoryAllocation);
}

TEST_F(Emulator, TheOrderVariableDecidesWhoIsFirst) {
  auto* words = reinterpret_cast<unsigned*>(data);
  ASSERT_EQ(emulator::launch(order_kernel, 1, 64, 0, stream, words, words + 1), cudaSuccess);
  const auto host = get();
  const std::vector<int> places(host.begin() + 1, host.begin() + 65);
  std::vector<int> forward(64), reverse(64);
  for (int i = 0; i < 64; ++i) forward[size_t(i)] = i, reverse[size_t(i)] = 63 - i;
  const char* variable = std::getenv("EMULATOR_ORDER");
  const std::string order = variable ? variable : "forward";
  EXPECT_EQ(places == forward, order == "forward");
  EXPECT_EQ(places == reverse, order == "reverse");
}

// A step of training, as the project captures it: nothing allocated, nobody waits, and the replay gives the same bits.
TEST(Capture, AnOpIsCapturableAndNeitherAllocatesNorSynchronises) {
  Context context = Context::cuda();
  const int64_t n = 1000;
  const auto start = crc::test::uniform(n, 1), gradient = crc::test::uniform(n, 2);
  const crc::test::StateOnDevice state(context,
                                       {.step = 0, .learning_rate = 0.1f, .ema_decay = 0, .consistency_weight = 0});
  crc::test::Guarded<float, 1> w(context, {n}, start, "w"), m(context, {n}, std::vector<float>(n), "m"),
      g(context, {n}, gradient, "g");
  crc::test::Guarded<float, 1> w2(context, {n}, start, "w2"), m2(context, {n}, std::vector<float>(n), "m2");
  const emulator::Counters before = counters();
  const auto step = context.record(
      [&] { sgd_step(context, w.view(), crc::View<crc::bf16, 1>{}, m.view(), g, state.view(), crc::SgdConfig{}); });
  for (int i = 0; i < 3; ++i) step();
  for (int i = 0; i < 3; ++i)
    sgd_step(context, w2.view(), crc::View<crc::bf16, 1>{}, m2.view(), g, state.view(), crc::SgdConfig{});
  EXPECT_EQ(counters().allocations, before.allocations);
  EXPECT_EQ(counters().synchronizations, before.synchronizations);
  EXPECT_EQ(counters().graph_launches, before.graph_launches + 3);
  EXPECT_EQ(counters().launches, before.launches + 1 + 3);
  EXPECT_EQ(w.get(), w2.get());
  EXPECT_EQ(m.get(), m2.get());
}

TEST(Capture, BranchesForkAndJoin) {
  Context context = Context::cuda();
  const int64_t n = 1000;
  const std::vector<float> ones(n, 1);
  crc::Tensor a(context, {n}, crc::Dtype::f32, "a"), b(context, {n}, crc::Dtype::f32, "b"),
      c(context, {n}, crc::Dtype::f32, "c");
  const auto view = [](const crc::Tensor& t) { return t.view<float, 1>(); };
  const auto read = [](const crc::Tensor& t) { return t.view<const float, 1>(); };
  const auto work = [&] {
    add(context, view(a), read(a), read(a));  // a = 2a
    context.side_by_side(3, [&](int i, Context& branch) {
      if (i == 1) add(branch, view(b), read(a), read(b));  // b += a
      if (i == 2) add(branch, view(c), read(a), read(a));  // c = 2a
    });
    add(context, view(a), read(b), read(c));  // a = b + c
  };
  context.copy_in(view(a), ones.data());
  work();
  EXPECT_EQ(a.to_host<float>(context), std::vector<float>(n, 2 + 4));
  const emulator::Counters before = counters();
  const auto replay = context.record(work);
  replay();
  replay();
  EXPECT_EQ(counters().synchronizations, before.synchronizations);
  EXPECT_EQ(counters().graph_launches, before.graph_launches + 2);
  EXPECT_EQ(b.to_host<float>(context), std::vector<float>(n, 2 + 12 + 76)) << "a was 6, then 14 + 24 = 38";
  EXPECT_EQ(a.to_host<float>(context), std::vector<float>(n, 90 + 152));
}

TEST(Capture, WhatAllocatesIsRefusedWithTheOpsError) {
  Context context = Context::cuda();
  EXPECT_THROW(context.record([&] { (void)context.allocate(100); }), crc::Error);
  EXPECT_THROW(context.record([&] { context.synchronize(); }), crc::Error);
  EXPECT_NO_THROW(context.record([] {}));
}

TEST_F(Emulator, KernelsMayNotTouchReleasedMemory) {
  int* released = nullptr;
  ASSERT_EQ(cudaMalloc(&released, kN * sizeof(int)), cudaSuccess);
  ASSERT_EQ(cudaFree(released), cudaSuccess);
  EXPECT_DEATH(
      {
        (void)emulator::launch(held_kernel, 1, 1, 0, stream, Held{released});
        (void)cudaStreamSynchronize(stream);
      },
      "device memory that was released is touched");
  add(1);
  EXPECT_EQ(get(), std::vector<int>(kN, 1));
}

TEST(EmulatorDeathTest, HostCodeMayNotTouchDeviceMemory) {
  int* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, sizeof(int)), cudaSuccess);
  EXPECT_DEATH(*const_cast<volatile int*>(data) = 1, "host code touches device memory");
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

}  // namespace
