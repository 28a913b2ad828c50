// What the cases of whole steps and of their parts share: WRN-28-2 on 32x32 images in a method's published set-up.
#pragma once

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "nn/wrn.h"
#include "ssl/image_set.h"
#include "ssl/method.h"
#include "ssl/trainer.h"

namespace crc::bench {

inline constexpr int64_t kImageSize = 32;

struct Precision {
  const char* name;  // as run.precision has it
  Dtype dtype;
  bool tf32;
  Arithmetic arithmetic() const { return dtype == Dtype::bf16 ? Arithmetic::tensor : Arithmetic::fp32; }
  std::unique_ptr<nn::Net> make_net(int64_t depth = 28) const {
    return nn::make_wrn({.depth = depth, .precision = dtype, .tf32 = tf32});
  }
};
// Those that the device has.
inline std::vector<Precision> precisions(Scale scale) {
  std::vector<Precision> all{{"fp32", Dtype::f32, false}};
  if (scale.cuda) all.push_back({"tf32", Dtype::f32, true});
  if (scale.bf16) all.push_back({"bf16", Dtype::bf16, false});
  return all;
}

// kekmodel's FixMatch (64 + 448 + 448 images), perrying's Mean Teacher (50 + 50, three views), supervised (64). A CPU
// takes fewer images, so that a step is a matter of a second.
inline ssl::TrainConfig train_config(Scale scale, const std::string& method) {
  ssl::TrainConfig config;
  config.method = method;
  config.batch = scale.at_most(method == "mean_teacher" ? (scale.cuda ? 50 : 10)
                               : method == "fixmatch"   ? (scale.cuda ? 64 : 8)
                                                        : 64,
                               1);
  config.mu = method == "fixmatch" ? scale.at_most(7, 1) : 1;
  if (method == "mean_teacher") {
    config.optimizer = ssl::Optimizer::adam;
    config.ema_buffers = ssl::EmaBuffers::own;
  }
  return config;
}
// "WRN-28-2 960x32x32 bf16": images of one step.
inline std::string step_shape(const ssl::TrainConfig& config, const Precision& precision, int64_t depth = 28) {
  return "WRN-" + std::to_string(depth) + "-2 " + extents(ssl::images_per_step(config), kImageSize, kImageSize) + " " +
         precision.name;
}

// Random pixels and labels in turn.
inline std::unique_ptr<ssl::ImageSet> random_images(Context& context, int64_t n) {
  std::vector<uint8_t> pixels(size_t(n * kImageSize * kImageSize * 3));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(Draws(1, Purpose::bench, int64_t(i), 0).below(256));
  std::vector<int32_t> labels(size_t(n), 0);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = int32_t(i % size_t{kWrnClasses});
  return std::make_unique<ssl::ImageSet>(context, n, kImageSize, kImageSize, pixels.data(), labels.data());
}

// What a training run owns.
struct TrainingRun {
  std::unique_ptr<nn::Net> net;
  std::unique_ptr<ssl::ImageSet> images;
  std::unique_ptr<ssl::Trainer> trainer;

  TrainingRun(Context& context, const ssl::TrainConfig& config, const Precision& precision, int64_t depth = 28)
      : net(precision.make_net(depth)), images(random_images(context, 1000)) {
    std::vector<int64_t> ids(size_t(images->size()));
    std::iota(ids.begin(), ids.end(), 0);
    trainer = std::make_unique<ssl::Trainer>(context, *net, *images, ids, ids, config);
  }
};

}  // namespace crc::bench
