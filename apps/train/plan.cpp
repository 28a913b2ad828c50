#include "apps/train/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "apps/base/program.h"
#include "apps/config/budgets.h"
#include "apps/train/experiment.h"
#include "data/pool.h"
#include "kernels/core/error.h"
#include "ssl/method.h"
#include "ssl/plan.h"
#include "ssl/shard_mean.h"

namespace crc::apps {
namespace {

using Int = int64_t;
using Text = std::string;

Int sum(const std::vector<Int>& values) { return std::accumulate(values.begin(), values.end(), Int(0)); }

// "200 (zero: 20, one: 18, ...)"; of many classes the fewest and the most.
Text per_class(const std::vector<Int>& counts, const std::vector<Text>& names) {
  constexpr size_t kListed = 20;
  const auto [fewest, most] = std::ranges::minmax(counts);
  if (counts.size() > kListed) return fmt::format("{} ({} to {} of each class)", sum(counts), fewest, most);
  Text list;
  for (size_t c = 0; c < counts.size(); ++c) list += fmt::format("{}{}: {}", c == 0 ? "" : ", ", names[c], counts[c]);
  return fmt::format("{} ({})", sum(counts), list);
}

Text first_labels(const LabelPlan& plan, const Config& config, const data::Dataset& dataset) {
  const std::optional<FirstLabels> first = first_labels_by(config);
  if (!first && config.get<Text>("start.run").empty())
    return fmt::format("by {} on the embeddings", first_acquisition(config));
  if (!first) return "those of " + config.get<Text>("start.run");
  switch (*first) {
    case FirstLabels::random:
      return fmt::format("random, {} of each class", plan.first / dataset.classes());
    case FirstLabels::model:
      return "by " + config.get<Text>("acquisition.name") + " on a random network";
    case FirstLabels::given:
      return "given by the data set";
    case FirstLabels::leading:
      return "its leading images";
  }
  return "";
}

// "5 queries of 50", "3 queries to 20, 50, 100 labels"
Text queries(const LabelPlan& plan, const Config& config) {
  const Text& budgets = config.get<Text>("acquisition.budgets");
  return budgets.empty() || plan.queries() == 0
             ? fmt::format("{} queries of {}", plan.queries(), config.get<Int>("acquisition.budget"))
             : fmt::format("{} queries to {} labels", plan.queries(), fmt::join(plan.after, ", "));
}

// The lines about labels.
Text describe(const LabelPlan& plan, const Config& config, const data::Dataset& dataset) {
  const Text how = first_labels(plan, config, dataset), acquisition = config.get<Text>("acquisition.name");
  Text lines = fmt::format(
      "labels   {} at first ({}), then {} by {}: {} in the end\n"
      "         of {} training images, {} unlabelled at first; the data set has labels of {}\n",
      plan.first, how, queries(plan, config), acquisition, plan.in_the_end(), plan.images(), plan.images() - plan.first,
      per_class(plan.known, dataset.class_names));
  if (plan.unknown > 0)
    lines += fmt::format("         {} have none: where a query picks such an image, the run waits for people\n",
                         plan.unknown);
  if (const Text words = unused_labels(config, dataset); !words.empty()) lines += fmt::format("         {}\n", words);
  if (const double noise = config.get<double>("data.label_noise"); noise > 0)
    lines +=
        fmt::format("         the annotator is simulated and errs on {:.4g} % of images, by data.split_seed = {}\n",
                    100 * noise, config.get<Int>("data.split_seed"));
  if (plan.validation > 0)
    lines += fmt::format("         {} labels more, of the held-out images, choose the best epoch of every round\n",
                         plan.validation);
  return lines;
}

// With as many labels as the run will have in the end.
ssl::DataSize data_size(const data::Images& images, const LabelPlan& labels) {
  return {.images = images.count,
          .height = images.height,
          .width = images.width,
          .labeled = std::clamp<Int>(labels.in_the_end(), 1, images.count),
          .unlabeled = images.count,
          .features = images.embedded() ? images.features : 0,
          .views = Int(images.views.size())};
}

Trace training(const Config& config, const data::Dataset& dataset, const nn::Net& net, const LabelPlan& labels) {
  return ssl::plan_training(net, data_size(dataset.train, labels), train_config(config, dataset, 0));
}

bool is_data(const Trace::Tensor& tensor) {
  return tensor.name == "images" || tensor.name == "embeddings" || tensor.name == "labels";
}

// Of one item on the device.
Int item_bytes(const data::Images& images) {
  return Int(sizeof(int32_t)) +
         (images.embedded() ? images.features * Int(sizeof(float) * images.views.size()) : images.bytes_per_image());
}

std::string kind_of(const data::Images& images) {
  return images.embedded() ? fmt::format("embeddings of {} features", images.features)
                           : fmt::format("images of {}x{}", images.height, images.width);
}

std::string amount(Int bytes) {
  return bytes >= 1'000'000'000 ? fmt::format("{:.2f} GB", double(bytes) / 1e9)
                                : fmt::format("{:.1f} MB", double(bytes) / 1e6);
}

// What synchronised batch statistics have each process show to all, over all shards: three numbers a channel forwards
// (count, mean, squares), two and a count backwards.
Int statistics_bytes(const Trace& trace) {
  Int numbers = 0;
  for (const Trace::Op& op : trace.ops()) {
    if (op.eval || op.name.find("batchnorm") == op.name.npos) continue;
    const Int channels = op.arrays.front().shape.back();
    numbers += op.name == "batchnorm_act_backward" ? 2 * channels + 1 : 3 * channels;
  }
  return numbers * Int(sizeof(double));
}

// Of a step in shards, and what each of two processes would send to the other.
std::string shards_line(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                        const LabelPlan& labels) {
  const Int shards = config.get<Int>("run.shards");
  if (shards == 0) return "";
  Int bytes = 0;
  const Trace trace = training(config, dataset, net, labels);
  for (const Trace::Tensor& tensor : trace.tensors())
    if (tensor.name == ssl::ShardMean::kName) bytes = tensor.bytes;
  for (const Trace::Scratch& rows : trace.scratch())
    if (rows.name == ssl::Passes::kRows) bytes += rows.bytes / 2;
  if (config.choice<ssl::BatchStatistics>("run.batch_statistics") == ssl::BatchStatistics::synchronized)
    bytes += statistics_bytes(trace) / shards;
  return fmt::format(
      "         in {} shards of {} images, which 1, 2, 4, ... processes may share; each of two sends the other {} a "
      "step\n",
      shards, ssl::images_per_step(train_config(config, dataset, 0)) / shards, amount(bytes));
}

// Bytes on the device, without the libraries' workspaces.
struct Memory {
  Int weights = 0, images = 0, pool = 0;  // weights and optimizer; images; features and logits of the pool
  Int step = 0, evaluation = 0;           // scratch, one after the other
  Int scratch() const { return std::max(step, evaluation); }
  Int total() const { return weights + images + pool + scratch(); }
};

Memory memory_of(const Config& config, const data::Dataset& dataset, const nn::Net& net, const LabelPlan& labels) {
  const Trace step = training(config, dataset, net, labels);
  Trace prediction;  // label propagation makes no pass over a network
  if (!propagates(config))
    prediction = ssl::plan_prediction(*make_exact_net(config, dataset), data_size(dataset.train, labels),
                                      config.get<Int>("eval.batch"));
  Memory memory;
  for (const Trace::Tensor& tensor : step.tensors()) memory.images += is_data(tensor) ? tensor.bytes : 0;
  memory.weights = ssl::tensor_bytes(step) - memory.images;
  for (const data::Images* held_out : {&dataset.test, &dataset.validation})
    memory.images += held_out->count * item_bytes(*held_out);
  memory.pool = ssl::tensor_bytes(prediction);
  if (labels.queries() > 0 &&
      select::find_acquisition(config.get<Text>("acquisition.name")).has(select::Trait::samples))
    memory.pool +=
        config.get<Int>("acquisition.samples") * dataset.train.count * dataset.classes() * Int(sizeof(float));
  memory.step = step.peak_bytes();
  memory.evaluation = prediction.peak_bytes();
  return memory;
}

}  // namespace

Int LabelPlan::images() const { return unknown + sum(known); }

Text unused_labels(const Config& config, const data::Dataset& dataset) {
  const std::optional<FirstLabels> first = first_labels_by(config);
  if (!config.get<Text>("start.run").empty() || (first && *first != FirstLabels::model)) return "";
  const Int known = std::ranges::count_if(dataset.train.labels, [](int32_t label) { return label >= 0; });
  if (known == 0 || known == dataset.train.count) return "";
  return fmt::format(
      "{} of {} items have a label in the data, and the first query asks for whatever it picks; the run begins with "
      "those that have one by acquisition.first = \"given\"",
      known, dataset.train.count);
}

std::optional<FirstLabels> first_labels_by(const Config& config) {
  if (!config.get<Text>("start.run").empty() || !first_acquisition(config).empty()) return std::nullopt;
  return config.choice<FirstLabels>("acquisition.first");
}

LabelPlan plan_labels(const Config& config, const data::Dataset& dataset, const std::optional<RunStart>& start) {
  const Int initial = config.get<Int>("acquisition.initial"), classes = dataset.classes();
  const std::optional<FirstLabels> first = first_labels_by(config);
  LabelPlan plan;
  plan.known = data::count_by_class(dataset.train.labels, classes);
  plan.unknown = dataset.train.count - sum(plan.known);
  plan.validation = sum(data::count_by_class(dataset.validation.labels, classes));
  plan.first = initial;
  plan.first_per_class.assign(size_t(classes), 0);
  if (start) {
    plan.start = start->sums();
    plan.first = Int(start->labels.size());
    for (const Answer& answer : start->labels) ++plan.first_per_class.at(size_t(answer.class_index));
  } else if (first == FirstLabels::given) {
    plan.first_per_class = plan.known;
    plan.first = sum(plan.known);
  } else if (first == FirstLabels::leading) {
    const size_t leading = size_t(std::min(initial, dataset.train.count));
    plan.first_per_class = data::count_by_class(std::span(dataset.train.labels).first(leading), classes);
  } else if (const double tail = config.get<double>("acquisition.initial_imbalance");
             first == FirstLabels::random && tail > 0) {
    plan.first_per_class = data::long_tail_counts(plan.known, initial, tail);
  } else if (first == FirstLabels::random || config.choice<Protocol>("acquisition.protocol") == Protocol::pseudo_al) {
    plan.first_per_class.assign(size_t(classes), initial / classes);
  }
  for (Int k = 1; k <= config.get<Int>("acquisition.rounds"); ++k)
    plan.after.push_back(labels_after(config, plan.first, k));
  return plan;
}

std::string plan(const Config& config, const data::Dataset& dataset, const nn::Net& net, const LabelPlan& labels) {
  const Int rounds = config.get<Int>("acquisition.rounds"), epochs = config.get<Int>("ssl.epochs");
  const Int steps = config.get<Int>("ssl.steps_per_epoch"), folds = config.get<Int>("eval.cross_validation");
  const Int images = ssl::images_per_step(train_config(config, dataset, 0));
  return fmt::format(
             "data     {}: {} training and {} test {}, {} classes\n{}"
             "network  {} parameters, {} features\n{}"
             "training {} rounds of up to {} epochs of {} steps of {} images: {:.0f} steps\n{}",
             dataset.name, dataset.train.count, dataset.test.count, kind_of(dataset.train), dataset.classes(),
             data::has_labels(dataset.test)
                 ? ""
                 : "         no test image has a label: no test accuracy, and none that ends a round\n",
             net.layout().count(), net.feature_dim(), describe(labels, config, dataset), rounds + 1, epochs, steps,
             images, double(rounds + 1) * double(steps_of(config, epochs)),
             folds > 0
                 ? fmt::format("         and cross-validation trains each of them {} times more: {:.0f} steps in all\n",
                               folds, double(1 + folds) * double(rounds + 1) * double(steps_of(config, epochs)))
                 : "") +
         shards_line(config, dataset, net, labels);
}

std::string memory_totals(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                          const LabelPlan& labels) {
  const Memory m = memory_of(config, dataset, net, labels);
  return fmt::format(
      "memory   {}: {} weights and optimizer, {} images, {} features and logits of the pool, {} scratch\n"
      "         ({} in a training step, {} in evaluation); the libraries' workspaces come on top\n",
      amount(m.total()), amount(m.weights), amount(m.images), amount(m.pool), amount(m.scratch()), amount(m.step),
      amount(m.evaluation));
}

void check_host_memory(const Config& config, const data::Dataset& dataset, const LabelPlan& labels) {
  const Int here = machine_memory();
  const Memory m = memory_of(config, dataset, *make_training_net(config, dataset), labels);
  if (here > 0 && m.total() > here)
    fail(ExitCode::out_of_memory,
         fmt::format(
             "the run needs {} and this machine has {}: {} in a training step, {} in evaluation, {} weights and "
             "images; use a smaller batch (ssl.batch, ssl.mu, eval.batch) or network",
             amount(m.total()), amount(here), amount(m.step), amount(m.evaluation), amount(m.weights + m.images)));
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
