// End to end: whole training steps (draw, augment, forward, loss, backward, SGD, EMA) and evaluation of WRN-28-2 on
// 32x32 images. Percentages are of the arithmetic alone: the convolutions' FLOPs at the rate of a large product.
#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "nn/init.h"
#include "nn/wrn.h"
#include "ssl/trainer.h"

namespace crc::bench {
namespace {

constexpr int64_t kSize = 32;

Arithmetic arithmetic_of(Dtype precision) { return precision == Dtype::bf16 ? Arithmetic::tensor : Arithmetic::fp32; }

// What a training run owns.
struct Run {
  std::unique_ptr<nn::Net> net;
  std::unique_ptr<ssl::ImageSet> images;
  std::unique_ptr<ssl::Trainer> trainer;

  Run(Context& context, const ssl::TrainConfig& config, Dtype precision) : net(nn::make_wrn({.precision = precision})) {
    constexpr int64_t kImages = 1000;
    std::vector<uint8_t> pixels(size_t(kImages * kSize * kSize * 3));
    std::vector<int32_t> labels(size_t{kImages});
    std::vector<int64_t> ids(size_t{kImages});
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = uint8_t(Draws(config.seed, Purpose::bench, int64_t(i), 0).below(256));
    for (size_t i = 0; i < ids.size(); ++i) {
      ids[i] = int64_t(i);
      labels[i] = int32_t(i % size_t{kWrnClasses});
    }
    images = std::make_unique<ssl::ImageSet>(context, kImages, kSize, kSize, pixels.data(), labels.data());
    trainer = std::make_unique<ssl::Trainer>(context, *net, *images, ids, ids, config);
  }
};

void add_training(Suite& suite, const char* method, int64_t batch, int64_t mu, Dtype precision) {
  ssl::TrainConfig config;
  config.method = method;
  config.batch = batch;
  config.mu = mu;
  const int64_t images = ssl::images_per_step(config);
  suite.add({.op = std::string("train ") + method,
             .shape = "WRN-28-2 " + extents(images, kSize, kSize) + " " + name_of(precision),
             .flops = double(images) * wrn_train_flops(),
             .arithmetic = arithmetic_of(precision),
             .setup =
                 [=](Inputs& in) {
                   Run& run = in.keep(std::make_shared<Run>(in.context, config, precision));
                   return [&run] { run.trainer->train(1); };
                 },
             .capturable = false,  // the trainer captures its step itself
             .rotate = false,
             .images = images});
}

void add_evaluation(Suite& suite, Dtype precision) {
  const int64_t n = suite.scale.at_most(suite.scale.cuda ? 1024 : 64, 1);
  suite.add({.op = "evaluate",
             .shape = "WRN-28-2 " + extents(n, kSize, kSize) + " " + name_of(precision),
             .flops = double(n) * wrn_forward_flops(),
             .arithmetic = arithmetic_of(precision),
             .setup =
                 [=](Inputs& in) {
                   const nn::Net& net = in.keep(std::shared_ptr<nn::Net>(nn::make_wrn({.precision = precision})));
                   const nn::Weights weights =
                       in.keep(std::make_shared<nn::WeightBuffers>(in.context, net.layout(), "weights")).weights();
                   nn::initialize(in.context, net.layout(), weights, 1);
                   nn::Activations x = in.uniform<float, 4>({n, kSize, kSize, 3});
                   if (precision == Dtype::bf16) x = in.uniform<bf16, 4>({n, kSize, kSize, 3});
                   const auto features = in.uniform<float, 2>({n, kWrnFeatures});
                   const auto logits = in.uniform<float, 2>({n, kWrnClasses});
                   return [=, &net, &context = in.context] {
                     Arena::Frame frame(context.scratch());
                     net.forward(context, weights, x, Mode::eval, features, logits, nullptr);
                   };
                 },
             .rotate = false,
             .images = n});
}

}  // namespace

void train_cases(Suite& suite) {
  std::vector<Dtype> precisions{Dtype::f32};
  if (suite.scale.cuda) precisions.push_back(Dtype::bf16);
  for (Dtype precision : precisions) {
    add_training(suite, "supervised", suite.scale.at_most(64, 1), 0, precision);
    add_training(suite, "fixmatch", suite.scale.at_most(suite.scale.cuda ? 64 : 8, 1), suite.scale.at_most(7, 1),
                 precision);
    add_evaluation(suite, precision);
  }
}

}  // namespace crc::bench
