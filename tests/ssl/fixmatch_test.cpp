// FixMatch against PyTorch in fp64 (tests/golden/make_wrn.py): one step of WRN-28-2, and a loss curve of twenty.
#include "nn/wrn.h"
#include "ssl/trainer.h"
#include "tests/golden/hash.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class FixMatch : public OnDevice {
 protected:
  // A trainer on hash weights; the data it is built with is not used by step_on.
  std::unique_ptr<ssl::Trainer> trainer_of(const nn::Net& net, int64_t size, int64_t horizon) {
    images_ = std::make_unique<ssl::ImageSet>(context, 1, size, size, std::vector<uint8_t>(size * size * 3).data(),
                                              std::vector<int32_t>{0}.data());
    ssl::TrainConfig config;
    config.threshold = 0.3f;
    config.schedule.horizon = horizon;
    config.steps_per_epoch = 20;
    auto trainer = std::make_unique<ssl::Trainer>(context, net, *images_, std::vector<int64_t>{0},
                                                  std::vector<int64_t>{0}, config);
    const auto weights = hashed_weights(context, net.layout(), trainer->student());
    nn::import_weights(context, net.layout(), trainer->student(), weights, "golden weights");
    nn::import_weights(context, net.layout(), trainer->ema(), weights, "golden weights");
    return trainer;
  }

  void step(ssl::Trainer& trainer, const nn::Net& net, int64_t b, int64_t m, int64_t size, uint32_t stream,
            std::vector<int32_t> labels) {
    Arena::Frame frame(context.scratch());
    const auto x = net.take_input(context, b + 2 * m, size, size);
    const auto rows = std::get<View<float, 4>>(x);
    hashed_images(context, rows.slice(0, b), stream);
    hashed_images(context, rows.slice(b, b + m), stream + 1);
    hashed_images(context, rows.slice(b + m, b + 2 * m), stream + 2);
    const Tensor y = Tensor::from_host(context, {b}, labels.data(), "labels");
    trainer.step_on({x, y.view<const int32_t, 1>(), b, m});
  }

 private:
  std::unique_ptr<ssl::ImageSet> images_;
};

// The first columns of the first rows of the ring of losses.
std::vector<float> ring_columns(const nn::TensorFile& state, int64_t rows, int64_t columns) {
  const auto ring = state.at("losses", "state").values<float>();
  std::vector<float> out;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) out.push_back(ring[size_t(r * ssl::kLossColumns + c)]);
  return out;
}

TEST_P(FixMatch, OneStepOfWrn28_2EqualsPyTorch) {
  const auto net = nn::make_wrn({.norm = {.slope = 0.9f}});  // make_wrn.py says why
  const auto trainer = trainer_of(*net, 32, 1024);
  step(*trainer, *net, 4, 8, 32, 501, {3, 1, 4, 1});
  const auto student = nn::export_weights(context, net->layout(), trainer->student(), nn::Names::kekmodel);
  EXPECT_EQ(expect_summaries(student, wrn_golden(), "fixmatch.student."), 80);
  const auto ema = nn::export_weights(context, net->layout(), trainer->ema(), nn::Names::kekmodel);
  EXPECT_EQ(expect_summaries(ema, wrn_golden(), "fixmatch.ema."), 130);
  nn::TensorFile state;
  trainer->save(state);
  const nn::WeightBuffers momentum(context, net->layout(), "momentum");
  context.copy_in(momentum.weights().values, state.at("momentum", "state").values<float>().data());
  const auto velocity = nn::export_weights(context, net->layout(), momentum.weights(), nn::Names::kekmodel);
  EXPECT_EQ(expect_summaries(velocity, wrn_golden(), "fixmatch.momentum."), 80);
  const auto losses = ring_columns(state, 1, 3);
  expect_close(losses, wrn_golden().at("fixmatch.losses", "golden").values<double>(), Class::network, Dtype::f32,
               "losses");
}

TEST_P(FixMatch, TwentyStepLossCurveFollowsPyTorch) {
  const auto net = nn::make_wrn({.depth = 10, .width = 1, .base_channels = 8});
  const auto trainer = trainer_of(*net, 16, 20);
  for (int t = 0; t < 20; ++t) {
    std::vector<int32_t> labels(8);
    for (int i = 0; i < 8; ++i) labels[i] = (3 * i + t) % 10;
    step(*trainer, *net, 8, 16, 16, 600 + 3 * t, labels);
  }
  nn::TensorFile state;
  trainer->save(state);
  expect_close(ring_columns(state, 20, 3), wrn_golden().at("curve.losses", "golden").values<double>(), Class::network,
               Dtype::f32, "loss curve");
}

CRC_ON_EACH_DEVICE(FixMatch);

}  // namespace
}  // namespace crc::test
