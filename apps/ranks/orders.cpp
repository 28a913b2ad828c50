#include "apps/ranks/orders.h"

#include <signal.h>

#include <iterator>

#include "apps/base/signals.h"

namespace crc::apps {
namespace {

constexpr const char* kSource = "an order of process 0";
const std::string kWay = "way of ", kPlain = "plain way of ";  // and a key of the gate

bool leads(const Ranks* ranks) { return ranks && ranks->size() > 1; }

// Rank 0 shows the order, each of the others whether it was asked to stop.
void give(Ranks& ranks, Order order, nn::TensorFile with) {
  with.metadata["order"] = word_of(order);
  const std::string message = nn::encode_safetensors(std::move(with));
  bool stops = false;
  for (const Ranks::Bytes& part : ranks.show(message)) stops |= part.size() == 1;
  if (stops && !stop_requested()) ::raise(SIGTERM);
}

void give_number(Ranks* ranks, Order order, int64_t number) {
  if (!leads(ranks)) return;
  nn::TensorFile with;
  with.add("number", {}, std::vector<int64_t>{number});
  give(*ranks, order, std::move(with));
}

void add_list(nn::TensorFile& file, const char* name, const std::vector<int64_t>& items) {
  file.add(name, {int64_t(items.size())}, items);
}

}  // namespace

void order_join(Ranks* ranks, const std::string& config) {
  if (!leads(ranks)) return;
  nn::TensorFile with;
  with.metadata["config"] = config;
  give(*ranks, Order::join, std::move(with));
}

void order_data(Ranks* ranks, const std::string& config, const data::Dataset& dataset) {
  if (!leads(ranks)) return;
  const data::Images& images = dataset.train;
  nn::TensorFile told;
  told.metadata["config"] = config;
  if (!images.embedded()) told.add("pixels", {images.count, images.height, images.width, 3}, images.pixels);
  for (size_t v = 0; images.embedded() && v < images.views.size(); ++v)
    told.add("view" + std::to_string(v), {images.count, images.features}, images.views[v]);
  const data::NormalizeStats& normalize = dataset.normalize;
  std::vector<float> statistics(std::begin(normalize.mean), std::end(normalize.mean));
  statistics.insert(statistics.end(), std::begin(normalize.std), std::end(normalize.std));
  told.add("normalize", {6}, statistics);
  add_list(told, "classes", {dataset.classes()});
  give(*ranks, Order::data, std::move(told));
}

TrainingData training_data(const nn::TensorFile& told) {
  TrainingData data{told.metadata.at("config"), {}};
  data::Images& images = data.dataset.train;
  if (const nn::TensorEntry* pixels = told.find("pixels")) {
    images.count = pixels->shape[0], images.height = pixels->shape[1], images.width = pixels->shape[2];
    images.pixels = pixels->values<uint8_t>();
  }
  while (const nn::TensorEntry* view = told.find("view" + std::to_string(images.views.size()))) {
    images.count = view->shape[0], images.features = view->shape[1];
    images.views.push_back(view->values<float>());
  }
  images.labels.assign(size_t(images.count), -1);
  const std::vector<float> statistics = told.at("normalize", kSource).values<float>();
  std::copy_n(statistics.begin(), 3, data.dataset.normalize.mean);
  std::copy_n(statistics.begin() + 3, 3, data.dataset.normalize.std);
  data.dataset.class_names.resize(size_t(told.at("classes", kSource).values<int64_t>().at(0)));
  return data;
}

void order_trainer(Ranks* ranks, int64_t round, const std::vector<int64_t>& labeled,
                   const std::vector<int64_t>& unlabeled, const std::vector<int32_t>& labels,
                   const std::map<std::string, Chosen>& choices) {
  if (!leads(ranks)) return;
  nn::TensorFile with;
  with.add("number", {}, std::vector<int64_t>{round});
  add_list(with, "labeled", labeled);
  add_list(with, "unlabeled", unlabeled);
  with.add("labels", {int64_t(labels.size())}, labels);
  for (const auto& [key, chosen] : choices)
    with.metadata[kWay + key] = chosen.way, with.metadata[kPlain + key] = chosen.plain;
  give(*ranks, Order::trainer, std::move(with));
}

void order_restore(Ranks* ranks, const std::string& checkpoint) {
  if (!leads(ranks)) return;
  nn::TensorFile with;
  with.tensors.push_back({"checkpoint", Dtype::u8, {int64_t(checkpoint.size())}, checkpoint});
  give(*ranks, Order::restore, std::move(with));
}

void order_steps(Ranks* ranks, int64_t steps) { give_number(ranks, Order::train, steps); }
void order_end(Ranks* ranks, ExitCode code) { give_number(ranks, Order::end, int64_t(code)); }

TakenOrder take_order(Ranks& ranks) {
  const Ranks::Bytes stops(stop_requested() ? 1 : 0);
  const std::vector<Ranks::Bytes> shown = ranks.show(stops);
  TakenOrder taken{Order::end, nn::decode_safetensors({shown[0].data(), shown[0].size()}, kSource)};
  const std::optional<Order> order = find_choice<Order>(taken.with.metadata.at("order"));
  if (!order) fail_internal(std::string(kSource) + " of another version");
  taken.order = *order;
  return taken;
}

int64_t TakenOrder::number() const { return list("number").at(0); }
std::vector<int64_t> TakenOrder::list(const char* name) const { return with.at(name, kSource).values<int64_t>(); }
std::vector<int32_t> TakenOrder::labels() const { return with.at("labels", kSource).values<int32_t>(); }

std::string TakenOrder::config() const { return with.metadata.at("config"); }
std::map<std::string, Chosen> TakenOrder::choices() const {
  std::map<std::string, Chosen> choices;
  for (const auto& [name, words] : with.metadata)
    if (name.starts_with(kWay)) {
      const std::string key = name.substr(kWay.size());
      choices[key] = {.way = words, .plain = with.metadata.at(kPlain + key)};
    }
  return choices;
}

}  // namespace crc::apps
