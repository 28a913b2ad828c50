#include "apps/session/step_time.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "apps/base/progress.h"
#include "apps/train/experiment.h"
#include "ssl/trainer.h"

namespace crc::apps {

double step_seconds(Context& context, const Config& config, const data::Dataset& dataset) {
  if (propagates(config)) return 0;
  constexpr int64_t kItems = 256;  // are enough to draw batches from
  constexpr double kMost = 3;      // seconds
  constexpr size_t kSteps = 20;
  data::Images some = dataset.train;
  some.count = std::min(some.count, kItems);
  some.pixels.resize(size_t(some.count * some.bytes_per_image()));
  for (std::vector<float>& view : some.views) view.resize(size_t(some.count * some.features));
  std::vector<int32_t> labels(static_cast<size_t>(some.count));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = int32_t(int64_t(i) % dataset.classes());
  const ssl::ImageSet images = upload(context, some, labels);
  std::vector<int64_t> items(labels.size());
  std::iota(items.begin(), items.end(), 0);
  const std::unique_ptr<nn::Net> net = make_training_net(config, dataset);
  ssl::Trainer trainer(context, *net, images, items, items, train_config(config, dataset, 0));
  std::vector<double> seconds;
  double total = 0;
  while (seconds.size() <= kSteps && (total < kMost || seconds.size() < 2)) {
    const auto start = std::chrono::steady_clock::now();
    trainer.train(1);
    context.synchronize();
    seconds.push_back(seconds_since(start));
    total += seconds.back();
  }
  seconds.erase(seconds.begin());
  std::ranges::nth_element(seconds, seconds.begin() + seconds.size() / 2);
  return seconds[seconds.size() / 2];
}

double training_seconds(const Config& config, double step_seconds) {
  const int64_t rounds = config.get<int64_t>("acquisition.rounds") + 1;
  return step_seconds * double((1 + config.get<int64_t>("eval.cross_validation")) * rounds *
                               config.get<int64_t>("ssl.epochs") * config.get<int64_t>("ssl.steps_per_epoch"));
}

}  // namespace crc::apps
