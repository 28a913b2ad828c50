#include "apps/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/experiment.h"
#include "ssl/plan.h"

namespace crc::apps {
namespace {

using Int = int64_t;

// With as many labels as the run will have in the end.
ssl::DataSize data_size(const data::Images& images, const LabelPlan& labels) {
  return {images.count, images.height, images.width, std::clamp<Int>(labels.in_the_end(), 1, images.count),
          images.count};
}

Trace training(const Config& config, const data::Dataset& dataset, const nn::Net& net, const LabelPlan& labels) {
  return ssl::plan_training(net, data_size(dataset.train, labels), train_config(config, dataset, 0));
}

bool is_data(const Trace::Tensor& tensor) { return tensor.name == "images" || tensor.name == "labels"; }

std::string amount(Int bytes) {
  return bytes >= 1'000'000'000 ? fmt::format("{:.2f} GB", double(bytes) / 1e9)
                                : fmt::format("{:.1f} MB", double(bytes) / 1e6);
}

}  // namespace

std::string memory_totals(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                          const LabelPlan& labels) {
  const Trace step = training(config, dataset, net, labels);
  const Trace prediction = ssl::plan_prediction(*make_exact_net(config, dataset), data_size(dataset.train, labels),
                                                config.get<Int>("eval.batch"));
  Int images = 0;
  for (const Trace::Tensor& tensor : step.tensors()) images += is_data(tensor) ? tensor.bytes : 0;
  const Int weights = ssl::tensor_bytes(step) - images;
  for (const data::Images* held_out : {&dataset.test, &dataset.validation})
    images += held_out->count * (held_out->bytes_per_image() + Int(sizeof(int32_t)));
  const Int pool = ssl::tensor_bytes(prediction);
  const Int scratch = std::max(step.peak_bytes(), prediction.peak_bytes());
  return fmt::format(
      "memory   {}: {} weights and optimizer, {} images, {} features and logits of the pool, {} scratch\n"
      "         ({} in a training step, {} in evaluation); the libraries' workspaces come on top\n",
      amount(weights + images + pool + scratch), amount(weights), amount(images), amount(pool), amount(scratch),
      amount(step.peak_bytes()), amount(prediction.peak_bytes()));
}

std::string memory_table(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                         const LabelPlan& labels) {
  const Trace trace = training(config, dataset, net, labels);
  std::string text = fmt::format("{:>14} {:>14}  {:>11}  {}\n", "offset", "bytes", "alive", "array of a training step");
  for (const Trace::Scratch& s : trace.scratch())
    text += fmt::format("{:>14} {:>14}  {:>5}-{:<5}  {}\n", s.offset, s.bytes, s.begin,
                        std::min(s.end, Int(trace.ops().size())) - 1, s.name);
  text += fmt::format("{:>14} {:>14}  {:>11}  {}\n", "", "bytes", "", "tensor");
  for (const Trace::Tensor& tensor : trace.tensors())
    text += fmt::format("{:>14} {:>14}  {:>11}  {}\n", "", tensor.bytes, "always", tensor.name);
  return text;
}

}  // namespace crc::apps
