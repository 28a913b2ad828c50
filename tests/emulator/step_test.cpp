// Whole training steps of every method on the emulated GPU, counted call by call: several are captured as one graph,
// the graph gives the bits of the plain calls, and neither allocates memory nor makes the host wait.
#include <gtest/gtest.h>

#include <map>

#include "bench/plan_costs.h"
#include "nn/wrn.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"
#include "tests/emulator/emulator.h"
#include "tests/ssl/schedule.h"

namespace crc::test {
namespace {

class WholeStep : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kImages = 12, kSize = 8;

  WholeStep()
      : context(Context::cuda()),
        net(nn::make_wrn(
            {.depth = 10, .width = 1, .base_channels = 2, .projection = GetParam() == "simmatch" ? 4 : 0})) {
    for (int64_t i = 0; i < kImages; ++i) ids.push_back(i);
    images = make_images(context);
  }

  static std::unique_ptr<ssl::ImageSet> make_images(Context& context) {
    std::vector<uint8_t> pixels(kImages * kSize * kSize * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 2654435761u >> 24);
    std::vector<int32_t> labels(kImages);
    for (int64_t i = 0; i < kImages; ++i) labels[size_t(i)] = int32_t(i % 10);
    return std::make_unique<ssl::ImageSet>(context, kImages, kSize, kSize, pixels.data(), labels.data());
  }

  static ssl::TrainConfig config_of_method(int64_t steps_per_graph) {
    ssl::TrainConfig config;
    config.method = GetParam();
    if (GetParam() == "fixmatch_ctaugment") {
      config.method = "fixmatch";
      config.strong = augment::Policy::ctaugment;
      config.weak.crop_pad = 2;
    }
    if (GetParam() == "mean_teacher") {
      config.optimizer = ssl::Optimizer::adam;
      config.ema_buffers = ssl::EmaBuffers::own;
      config.weak.crop_per_batch = true;
    }
    if (GetParam() == "fixmatch_shards") {
      config.method = "fixmatch";
      config.shards = 2;
    }
    config.batch = 2;
    config.mu = 2;
    config.threshold = 0.1f;  // so that every pseudo-label teaches
    config.dash.warmup = 2;
    config.dash.period = 2;
    config.simmatch.embedding = 4;
    config.steps_per_epoch = 8;
    config.steps_per_graph = steps_per_graph;
    config.schedule.horizon = 8;
    return config;
  }

  std::unique_ptr<ssl::Trainer> trainer(int64_t steps_per_graph = 3) {
    return std::make_unique<ssl::Trainer>(context, *net, *images, ids, ids, config_of_method(steps_per_graph));
  }

  // From the first tensor to the second step, which CUDA captures.
  std::vector<std::string> schedule_on(Context device) {
    Trace trace;
    device.trace_into(&trace);
    const auto pool = make_images(device);
    ssl::Trainer trainer(device, *net, *pool, ids, ids, config_of_method(1));
    trainer.train(2);
    return schedule_of(trace);
  }

  nn::TensorFile state_of(ssl::Trainer& trainer) {
    nn::TensorFile state;
    trainer.save(state);
    return state;
  }

  Context context;
  std::unique_ptr<nn::Net> net;
  std::unique_ptr<ssl::ImageSet> images;
  std::vector<int64_t> ids;
};

TEST_P(WholeStep, IsReplayedWithoutAllocationOrWaiting) {
  const auto run = trainer();
  const int64_t waits = emulator::counters().synchronizations;
  run->train(1 + 3 + 1);  // one plain, the others recorded as graphs of 3 and of 1
  EXPECT_EQ(emulator::counters().synchronizations, waits);
  context.synchronize();
  const emulator::Counters before = emulator::counters();
  run->train(3 + 3 + 1 + 1);
  const emulator::Counters after = emulator::counters();
  EXPECT_EQ(after.graph_launches - before.graph_launches, 4);
  EXPECT_EQ(after.launches, before.launches) << "outside the graph";
  EXPECT_EQ(after.copies, before.copies) << "outside the graph";
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.synchronizations, before.synchronizations);
}

TEST_P(WholeStep, TheGraphGivesTheBitsOfThePlainCalls) {
  const auto graph = trainer();
  graph->train(1 + 3 + 1);
  nn::TensorFile state = state_of(*trainer());
  for (int step = 0; step < 5; ++step) {  // the first step of a trainer is never a graph
    const auto plain = trainer();
    plain->restore(state, "the step before");
    plain->train(1);
    state = state_of(*plain);
  }
  EXPECT_EQ(nn::encode_safetensors(state), nn::encode_safetensors(state_of(*graph)));
}

TEST_P(WholeStep, ResumeAndEvaluationBetweenGraphsOfAnySizeChangeNothing) {
  const auto whole = trainer();
  whole->train(8);
  for (const int64_t steps_per_graph : {1, 2, 16}) {
    const auto begun = trainer(steps_per_graph);
    begun->train(4);
    const auto rest = trainer(steps_per_graph);
    rest->restore(state_of(*begun), "half");
    rest->train(3);
    (void)ssl::predict(context, *net, rest->tested(), *images, {}, kImages);
    rest->train(1);
    EXPECT_EQ(nn::encode_safetensors(state_of(*rest)), nn::encode_safetensors(state_of(*whole))) << steps_per_graph;
  }
}

// A context for each is all that trials of one process need: train() does not wait, so their graphs run side by side.
TEST_P(WholeStep, TrialsOfOneProcessShareImagesAndNothingElse) {
  const auto first = trainer(), second = trainer();
  first->train(8);
  second->train(4);
  Context other = Context::cuda();
  ssl::Trainer a(context, *net, *images, ids, ids, config_of_method(3)),
      b(other, *net, *images, ids, ids, config_of_method(2));
  const int64_t waits = emulator::counters().synchronizations;
  for (int i = 0; i < 4; ++i) a.train(2), b.train(1);
  EXPECT_EQ(emulator::counters().synchronizations, waits);
  EXPECT_EQ(nn::encode_safetensors(state_of(a)), nn::encode_safetensors(state_of(*first)));
  EXPECT_EQ(nn::encode_safetensors(state_of(b)), nn::encode_safetensors(state_of(*second)));
}

// The same ops, in the same order, on the same arrays at the same places of scratch memory.
TEST_P(WholeStep, TheCpuRunsTheSameSchedule) {
  const auto gpu = schedule_on(Context::cuda()), cpu = schedule_on(Context::cpu());
  EXPECT_GT(gpu.size(), 100u);
  ASSERT_EQ(gpu.size(), cpu.size());
  for (size_t i = 0; i < gpu.size(); ++i) ASSERT_EQ(gpu[i], cpu[i]) << "op " << i;
}

// What `crc_bench --plan` says of a step: its kernels are those that run.
TEST_P(WholeStep, ThePlanCountsItsKernels) {
  for (const Dtype precision : {Dtype::f32, Dtype::bf16}) {
    const int64_t projection = net->projection() ? net->projection()->size() : 0;
    const auto small =
        nn::make_wrn({.depth = 10, .width = 1, .base_channels = 2, .precision = precision, .projection = projection});
    ssl::Trainer trainer(context, *small, *images, ids, ids, config_of_method(1));
    Trace trace;
    context.trace_into(&trace);
    const int64_t before = emulator::counters().launches;
    trainer.train(1);  // the first is no graph
    const int64_t launched = emulator::counters().launches - before;
    context.trace_into(nullptr);
    int64_t planned = 0;
    std::map<std::string, int64_t> by_op;
    for (const Trace::Op& op : trace.ops()) {
      planned += bench::kernels_of(op);
      by_op[op.name] += bench::kernels_of(op);
    }
    EXPECT_EQ(planned, launched) << name_of(precision);
    if (planned == launched) continue;
    for (const auto& [name, kernels] : by_op) printf("%s %d\n", name.c_str(), int(kernels));
  }
}

std::vector<std::string> all_methods() {
  std::vector<std::string> names{"fixmatch_ctaugment", "fixmatch_shards"};
  for (const ssl::MethodEntry& method : ssl::methods())
    if (method.get().trains()) names.push_back(method.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(, WholeStep, ::testing::ValuesIn(all_methods()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace crc::test
