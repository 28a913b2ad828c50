#include "data/item_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "data/csv.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr size_t kNamed = 3;  // files in a message
const CsvForm kListForm{.advice = "it is a run's own list of its items; restore it from a copy", .columns = {}};

std::string file_of(const Images& images, int64_t item) {
  return images.names.empty() ? std::to_string(item) : images.names[size_t(item)];
}

std::string content_of(const Images& images, int64_t item) {
  Fingerprint content;
  content.add(images.image(item));
  for (const std::vector<float>& view : images.views)
    content.add({reinterpret_cast<const uint8_t*>(view.data() + item * images.features),
                 size_t(images.features) * sizeof(float)});
  return content.hex();
}

std::vector<PoolItem> items_of(const Images& images, const std::vector<std::string>& class_names) {
  std::vector<PoolItem> items(static_cast<size_t>(images.count));
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < images.count; ++i) {
    const int32_t label = images.labels[size_t(i)];
    items[size_t(i)] = {file_of(images, i), content_of(images, i), label < 0 ? "" : class_names[size_t(label)]};
  }
  return items;
}

// The subset, without a copy where it is all of them in their order.
Images arranged(Images images, const std::vector<int64_t>& items) {
  bool same = int64_t(items.size()) == images.count;
  for (size_t k = 0; same && k < items.size(); ++k) same = items[k] == int64_t(k);
  if (same) return images;
  return subset(images, items);
}

// Where each item of a list is among those that were loaded; one file may stand for several.
class Finder {
 public:
  Finder(const std::vector<PoolItem>& found, const Path& dir, bool named) : found_(found), dir_(dir), named_(named) {
    for (size_t i = found.size(); i-- > 0;) places_[found[i].file].push_back(int64_t(i));  // the first is the last
    used_.resize(found.size());
  }
  std::vector<int64_t> find(const std::vector<PoolItem>& wanted, const char* what) {
    std::vector<int64_t> items;
    for (const PoolItem& item : wanted) {
      const auto at = places_.find(item.file);
      if (at == places_.end() || at->second.empty()) {
        gone_.push_back(shown(item.file, what));
        continue;
      }
      items.push_back(at->second.back());
      at->second.pop_back();
      used_[size_t(items.back())] = true;
      if (found_[size_t(items.back())].content != item.content) changed_.push_back(shown(item.file, what));
    }
    return items;
  }
  void refuse_lost() const {
    refuse(gone_, "is gone or can no longer be read", "are gone or can no longer be read");
    refuse(changed_, "has other content than when this run took it in",
           "have other content than when this run took them in");
  }
  std::vector<int64_t> others() const {
    std::vector<int64_t> items;
    for (size_t i = 0; i < used_.size(); ++i)
      if (!used_[i]) items.push_back(int64_t(i));
    return items;
  }

 private:
  std::string shown(const std::string& file, const char* what) const {
    if (named_) return legible((dir_ / file).string());
    return fmt::format("{} {}{}", what, file, dir_.empty() ? "" : " of " + dir_.string());
  }
  void refuse(const std::vector<std::string>& files, const char* one, const char* many) const {
    if (files.empty()) return;
    fail(ExitCode::corrupt_data,
         fmt::format("{} {}; a run keeps its items, and only new ones may come: restore {}, or start a new run",
                     join_first(files, kNamed), files.size() == 1 ? one : many, files.size() == 1 ? "it" : "them"));
  }

  const std::vector<PoolItem>& found_;
  const Path& dir_;
  bool named_;
  std::map<std::string, std::vector<int64_t>> places_;
  std::vector<bool> used_;
  std::vector<std::string> gone_, changed_;
};

// What measures must stay as it is.
void check_measuring(const std::vector<PoolItem>& found, const std::vector<PoolItem>& wanted,
                     const std::vector<int64_t>& places, const Path& dir, const char* what) {
  for (size_t k = 0; k < wanted.size(); ++k)
    if (const std::string& now = found[size_t(places[k])].label; now != wanted[k].label)
      fail(ExitCode::corrupt_data,
           fmt::format("{} has the label {} now, and had {} when this run began; it is {}, by which all rounds are "
                       "measured: restore its label, or start a new run",
                       legible((dir / wanted[k].file).string()), in_quotes(now), in_quotes(wanted[k].label), what));
}

}  // namespace

ItemList item_list(const Dataset& dataset) {
  return {.train = items_of(dataset.train, dataset.class_names),
          .validation = items_of(dataset.validation, dataset.class_names),
          .test = items_of(dataset.test, dataset.class_names)};
}

std::string ItemList::csv() const {
  CsvWriter csv({"split", "file", "content", "label"});
  for (const auto& [split, items] : {std::pair("train", &train), {"validation", &validation}, {"test", &test}})
    for (const PoolItem& item : *items) csv.text(split).text(item.file).text(item.content).text(item.label).end_row();
  return csv.str();
}

ItemList ItemList::parse(std::string_view text, const std::string& source) {
  CsvReader csv(text, source, kListForm);
  const size_t split = csv.column("split"), file = csv.column("file"), content = csv.column("content"),
               label = csv.column("label");
  ItemList list;
  while (csv.next()) {
    const std::string& name = csv[split];
    std::vector<PoolItem>* items = name == "train"        ? &list.train
                                   : name == "validation" ? &list.validation
                                   : name == "test"       ? &list.test
                                                          : nullptr;
    if (!items) csv.refuse(fmt::format("split {} is none of train, validation and test", in_quotes(name)));
    items->push_back({csv[file], csv[content], csv[label]});
  }
  return list;
}

PoolGrowth align(Dataset& dataset, const ItemList& list, const Path& dir) {
  const std::vector<PoolItem> train = items_of(dataset.train, dataset.class_names),
                              test = items_of(dataset.test, dataset.class_names);
  const bool named = !dataset.train.names.empty();
  Finder finder(train, dir, named), test_finder(test, dir, named);
  const std::vector<int64_t> items = finder.find(list.train, "item");
  const std::vector<int64_t> held_out = finder.find(list.validation, "item");
  finder.refuse_lost();
  const std::vector<int64_t> tested = test_finder.find(list.test, "test item");
  test_finder.refuse_lost();
  if (const std::vector<int64_t> more = test_finder.others(); !more.empty())
    fail(
        ExitCode::corrupt_data,
        fmt::format("{} was no test image when this run began; all rounds are measured by the same ones: take it away, "
                    "or start a new run",
                    legible((dir / test[size_t(more[0])].file).string())));
  check_measuring(train, list.validation, held_out, dir, "held out");
  check_measuring(test, list.test, tested, dir, "a test image");

  PoolGrowth growth;
  growth.added = subset(dataset.train, finder.others());
  dataset.validation = subset(dataset.train, held_out);
  dataset.train = arranged(std::move(dataset.train), items);
  dataset.test = arranged(std::move(dataset.test), tested);
  dataset.side = {};  // its ids may have moved
  std::map<std::string, int32_t> numbers;
  for (const std::string& name : dataset.class_names) numbers.emplace(name, int32_t(numbers.size()));
  for (size_t k = 0; k < items.size(); ++k) {
    int32_t& label = dataset.train.labels[k];
    const std::string& before = list.train[k].label;
    const auto known = numbers.find(before);
    if (!before.empty() && known == numbers.end())
      fail(ExitCode::corrupt_data, fmt::format("no image has the class {} any more, which {} had; restore its label",
                                               in_quotes(before), legible(list.train[k].file)));
    const int32_t then = before.empty() ? -1 : known->second;
    if (label != then) growth.relabelled.push_back({int64_t(k), label});
    label = then;
  }
  return growth;
}

void grow(Dataset& dataset, const PoolGrowth& growth) {
  Images& train = dataset.train;
  const Images& added = growth.added;
  for (const auto& [item, label] : growth.relabelled) train.labels.at(size_t(item)) = label;
  train.count += added.count;
  train.pixels.insert(train.pixels.end(), added.pixels.begin(), added.pixels.end());
  train.labels.insert(train.labels.end(), added.labels.begin(), added.labels.end());
  train.names.insert(train.names.end(), added.names.begin(), added.names.end());
  for (size_t v = 0; v < train.views.size(); ++v)
    train.views[v].insert(train.views[v].end(), added.views[v].begin(), added.views[v].end());
}

}  // namespace crc::data
