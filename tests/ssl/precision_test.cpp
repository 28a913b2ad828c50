// The arithmetic of training (fp32, tf32, bf16): what differs, what does not, and that an acquisition sees neither of
// the narrow ones. tf32 on CUDA only, where the emulator rounds the operands of convolutions as the hardware does.
#include "nn/wrn.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

constexpr int64_t kImages = 24, kSize = 8;

nn::WrnConfig small(Dtype precision, bool tf32) {
  return {.depth = 10, .width = 1, .classes = 4, .base_channels = 8, .precision = precision, .tf32 = tf32};
}

class Precision : public OnDevice {
 protected:
  void SetUp() override {
    CRC_SKIP_WITHOUT_BF16(context);
    if (!context.has_tf32_and_bf16()) std::erase(narrow, tf32.get());
    std::vector<uint8_t> pixels(kImages * kSize * kSize * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 2654435761u >> 24);
    std::vector<int32_t> labels(kImages);
    for (int64_t i = 0; i < kImages; ++i) labels[size_t(i)] = int32_t(i % 4), ids[size_t(i)] = i;
    images = std::make_unique<ssl::ImageSet>(context, kImages, kSize, kSize, pixels.data(), labels.data());
  }
  std::unique_ptr<ssl::Trainer> trained(const nn::Net& net, int64_t steps) {
    ssl::TrainConfig config;
    config.batch = 8;
    config.mu = 2;
    config.threshold = 0;  // so that no mask depends on a last bit
    config.strong = augment::Policy::none;
    config.weak.crop_pad = 2;
    config.schedule.horizon = 100;
    auto trainer = std::make_unique<ssl::Trainer>(context, net, *images, ids, ids, config);
    trainer->train(steps);
    return trainer;
  }
  std::vector<float> values(View<const float, 1> v) {
    std::vector<float> host(size_t(v.size()));
    context.copy_out(host.data(), v);
    return host;
  }
  std::vector<float> features(const nn::Net& net, const nn::Weights& weights) {
    return ssl::predict(context, net, weights, *images, {}, kImages).features.to_host<float>(context);
  }

  std::unique_ptr<ssl::ImageSet> images;
  std::vector<int64_t> ids = std::vector<int64_t>(kImages);
  const std::unique_ptr<nn::Net> fp32 = nn::make_wrn(small(Dtype::f32, false)),
                                 tf32 = nn::make_wrn(small(Dtype::f32, true)),
                                 bf16 = nn::make_wrn(small(Dtype::bf16, false));
  std::vector<const nn::Net*> narrow{tf32.get(), bf16.get()};  // those that the device has
};

TEST_P(Precision, OnlyFp32IsExact) {
  EXPECT_TRUE(fp32->exact());
  EXPECT_FALSE(tf32->exact());
  EXPECT_FALSE(bf16->exact());
}

// A model that was trained in bf16 or tf32 has fp32 weights, which every net reads; the fp32 one scores the pool.
TEST_P(Precision, FeaturesOfOneModelInThreeArithmetics) {
  for (const nn::Net* net : narrow) {
    const auto trainer = trained(*net, 3);
    const auto exact = features(*fp32, trainer->tested()), rounded = features(*net, trainer->tested());
    EXPECT_NE(exact, rounded);
    expect_close(rounded, exact, Class::network, Dtype::bf16, "features");
    EXPECT_EQ(exact, features(*fp32, trainer->tested()));
  }
}

TEST_P(Precision, WeightsAndStatisticsStayFp32) {
  const auto trainer = trained(*bf16, 3);
  const auto fits_bf16 = [](const std::vector<float>& all) {
    int64_t fit = 0;
    for (float v : all) fit += float(crc::bf16(v)) == v;
    return double(fit) / double(all.size());
  };
  for (const nn::Weights& weights : {trainer->student(), trainer->ema()}) {
    EXPECT_LT(fits_bf16(values(weights.values)), 0.2) << "biases and paddings are zeros";
    EXPECT_LT(fits_bf16(values(weights.running)), 0.7) << "paddings are zeros";
  }
}

TEST_P(Precision, TrainingFollowsFp32) {
  const auto reference = trained(*fp32, 6);
  for (const nn::Net* net : narrow) {
    const auto trainer = trained(*net, 6);
    expect_close(values(trainer->student().values), values(reference->student().values), Class::network, Dtype::bf16,
                 "weights after 6 steps");
    const ssl::EpochLosses losses = trainer->losses(6), expected = reference->losses(6);
    expect_close(std::vector<double>{losses.labeled, losses.unlabeled},
                 std::vector<double>{expected.labeled, expected.unlabeled}, Class::network, Dtype::bf16, "losses");
  }
}

// Images of four colours.
TEST_P(Precision, Bf16Learns) {
  std::vector<uint8_t> pixels(kImages * kSize * kSize * 3);
  for (size_t i = 0; i < pixels.size(); ++i) {
    const size_t image = i / (kSize * kSize * 3), colour = image % 4;
    pixels[i] = uint8_t((colour >> (i % 3) & 1 ? 140 : 80) + (i * 2654435761u >> 26));
  }
  std::vector<int32_t> labels(kImages);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = int32_t(i % 4);
  images = std::make_unique<ssl::ImageSet>(context, kImages, kSize, kSize, pixels.data(), labels.data());
  const double early = trained(*bf16, 4)->losses(4).labeled, late = trained(*bf16, 80)->losses(4).labeled;
  EXPECT_LT(late, 0.25 * early);
}

// Slices of a batch are the problem's, not the threads': weights after some steps have the same bits.
TEST_P(Precision, Bf16HasTheSameBitsTwiceAndForAnyNumberOfThreads) {
  const auto first = values(trained(*bf16, 3)->student().values);
  EXPECT_EQ(values(trained(*bf16, 3)->student().values), first);
  if (GetParam() != "cpu") return;
  for (const int threads : {1, 3}) {
    context = Context::cpu(threads);
    SetUp();
    EXPECT_EQ(values(trained(*bf16, 3)->student().values), first) << threads << " threads";
  }
}

// What convolutions in bf16 read is what the optimizer left of the weights, and follows them through a checkpoint; the
// average is kept so where a step runs it.
TEST_P(Precision, RoundedWeightsFollowTheModel) {
  const auto follow = [&](const nn::Weights& weights) {
    std::vector<crc::bf16> rounded(size_t(weights.rounded.size()));
    context.copy_out(rounded.data(), weights.rounded);
    expect_rounded(rounded, values(weights.values));
  };
  for (const char* method : {"fixmatch", "mean_teacher"}) {
    ssl::TrainConfig config;
    config.method = method;
    config.batch = 4;
    config.mu = 1;
    config.optimizer = method == std::string("fixmatch") ? ssl::Optimizer::sgd : ssl::Optimizer::adam;
    config.strong = augment::Policy::none;
    config.weak.crop_pad = 2;
    ssl::Trainer trainer(context, *bf16, *images, ids, ids, config), resumed(context, *bf16, *images, ids, ids, config),
        exact(context, *fp32, *images, ids, ids, config);
    trainer.train(2);
    nn::TensorFile checkpoint;
    trainer.save(checkpoint);
    resumed.restore(checkpoint, "checkpoint");
    for (const ssl::Trainer* t : {&trainer, &resumed}) {
      follow(t->student());
      if (t->ema().rounded.size() > 0) follow(t->ema());
      EXPECT_EQ(t->ema().rounded.size() > 0, method == std::string("mean_teacher"));
    }
    EXPECT_EQ(exact.student().rounded.size(), 0);
  }
}

CRC_ON_EACH_DEVICE(Precision);

}  // namespace
}  // namespace crc::test
