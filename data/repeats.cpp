#include "data/repeats.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace crc::data {
namespace {

constexpr size_t kMostNamed = 3;

struct Item {
  uint64_t hash;
  const Images* split;
  int64_t index;

  std::span<const uint8_t> content() const { return split->content(index); }
  int32_t label() const { return split->labels[size_t(index)]; }
};

void collect(std::vector<Item>& items, const Images& split) {
  for (int64_t i = 0; i < split.count; ++i) {
    const auto content = split.content(i);
    items.push_back({XXH3_64bits(content.data(), content.size()), &split, i});
  }
}

}  // namespace

void note_repeats(Dataset& dataset) {
  std::vector<Item> items;
  collect(items, dataset.train);
  collect(items, dataset.test);
  std::ranges::stable_sort(items, {}, &Item::hash);  // of equal images, training comes first
  const auto name = [&](const Item& item) {
    if (!item.split->names.empty()) return legible(item.split->names[size_t(item.index)]);
    return fmt::format("{} item {}", item.split == &dataset.train ? "training" : "test", item.index);
  };
  const auto labelled = [&](const Item& item) {
    return fmt::format("{} ({})", name(item), legible(dataset.class_names[size_t(item.label())]));
  };
  std::vector<std::string> leaks, contradictions;
  for (auto first = items.begin(), last = first; first != items.end(); first = last) {
    const Item *labeled = nullptr, *other = nullptr, *test = nullptr;
    for (; last != items.end() && last->hash == first->hash; ++last) {
      if (!std::ranges::equal(first->content(), last->content())) continue;  // the same hash by chance
      if (!test && last->split != first->split) test = &*last;
      if (!labeled && last->label() >= 0) labeled = &*last;
      if (!other && labeled && last->label() >= 0 && last->label() != labeled->label()) other = &*last;
    }
    if (test) leaks.push_back(name(*first) + " = " + name(*test));
    if (other) contradictions.push_back(labelled(*labeled) + " = " + labelled(*other));
  }
  const std::string what = dataset.train.embedded() ? "row" : "image";
  const auto stand = [&](const std::vector<std::string>& all) {
    return counted(int64_t(all.size()), what + " stands", what + "s stand");
  };
  if (!leaks.empty())
    dataset.notes.push_back(
        fmt::format("{} both in training and in test: {}", stand(leaks), join_first(leaks, kMostNamed)));
  if (!contradictions.empty())
    dataset.notes.push_back(fmt::format("{} twice with different labels: {}", stand(contradictions),
                                        join_first(contradictions, kMostNamed)));
}

}  // namespace crc::data
