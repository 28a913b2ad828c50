// Small trainers whose step is in shards, and their settings for every method.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/random.h"
#include "kernels/core/ranks.h"
#include "nn/mlp.h"
#include "nn/wrn.h"
#include "ssl/trainer.h"

namespace crc::test {

// A trainer of its own in every rank.
class Sharded {
 public:
  static constexpr int64_t kItems = 40, kSide = 8, kWidth = 12;  // items; images' side, or embeddings' width

  Sharded(ssl::TrainConfig config, Ranks* ranks, bool images = true, Context context = Context::cpu(1))
      : context_(std::move(context)), net_(net(ssl::find_method(config.method).projection(config), images)) {
    std::vector<uint8_t> pixels;
    for (int64_t i = 0; i < kItems * kSide * kSide * 3; ++i)
      pixels.push_back(uint8_t(Draws(1, Purpose::test, i, 0).below(256)));
    std::vector<float> rows;
    for (int64_t i = 0; i < kItems * kWidth; ++i) rows.push_back(Draws(2, Purpose::test, i, 0).uniform() - 0.5f);
    std::vector<int32_t> labels;
    for (int32_t i = 0; i < kItems; ++i) labels.push_back(i == 30 ? -1 : i % 4);
    if (images)
      set_ = std::make_unique<ssl::ImageSet>(context_, kItems, kSide, kSide, pixels.data(), labels.data());
    else
      set_ = std::make_unique<ssl::ImageSet>(context_, kItems, kWidth, std::vector<const float*>{rows.data()},
                                             labels.data());
    std::vector<int64_t> labeled, unlabeled;
    for (int64_t i = 0; i < kItems; ++i) (i < 10 ? labeled : unlabeled).push_back(i);
    trainer_ = std::make_unique<ssl::Trainer>(context_, *net_, *set_, labeled, unlabeled, std::move(config), ranks);
  }
  ssl::Trainer& operator*() { return *trainer_; }
  ssl::Trainer* operator->() { return trainer_.get(); }
  std::string state() {
    nn::TensorFile file;
    trainer_->save(file);
    return nn::encode_safetensors(std::move(file));
  }

 private:
  static std::unique_ptr<nn::Net> net(int64_t projection, bool images) {
    if (!images) return nn::make_mlp({.inputs = kWidth, .hidden = {8}, .classes = 4, .projection = projection});
    return nn::make_wrn({.depth = 10, .width = 1, .classes = 4, .base_channels = 4, .projection = projection});
  }

  Context context_;
  std::unique_ptr<nn::Net> net_;
  std::unique_ptr<ssl::ImageSet> set_;
  std::unique_ptr<ssl::Trainer> trainer_;
};

inline ssl::TrainConfig in_shards(const std::string& method, int64_t shards) {
  ssl::TrainConfig config;
  config.method = method;
  config.batch = 8;
  config.mu = method == "pi_model" || method == "mean_teacher" ? 1 : 2;
  config.threshold = 0.3f;
  config.steps_per_epoch = 4;
  config.schedule.horizon = 100;
  config.weak.crop_pad = 2;
  config.shards = shards;
  if (method == "mean_teacher") config.ema_buffers = ssl::EmaBuffers::own;
  if (method == "pi_model") config.optimizer = ssl::Optimizer::adam, config.weak.crop_per_batch = true;
  if (method == "uda") config.strong = augment::Policy::ctaugment;
  if (method == "dash") config.dash.warmup = 1;
  if (method == "adamatch") config.align_window = 2;
  config.simmatch = {.embedding = 6, .warmup = 1};
  if (method == "fixmatch") config.ema_decays = {0.5}, config.ema_buffers = ssl::EmaBuffers::averaged;
  return config;
}

inline std::vector<std::string> methods_that_train() {
  std::vector<std::string> names;
  for (const ssl::MethodEntry& method : ssl::methods())
    if (method.get().trains()) names.emplace_back(method.name);
  return names;
}

}  // namespace crc::test
