#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>

#include "data/pool.h"
#include "data/repeats.h"
#include "kernels/core/error.h"
#include "kernels/core/random.h"

namespace crc::data {

namespace {

const DatasetEntry& find_entry(const std::string& name) {
  std::vector<std::string> known;
  for (const DatasetEntry* entry : dataset_registry()) {
    if (name == entry->name) return *entry;
    known.push_back(entry->name);
  }
  fail(ExitCode::config, fmt::format("there is no data set \"{}\"; there are: {}", name, join(known)));
}

// What every loader promises; a failure here is a mistake in the loader.
void check(const Dataset& dataset, const char* split, const Images& images) {
  for (const std::vector<float>& view : images.views)
    if (view.size() != size_t(images.count * images.features))
      fail_internal(fmt::format("data set {}: {} holds {} numbers for {} items of {}", dataset.name, split, view.size(),
                                images.count, images.features));
  const size_t pixels = size_t(images.count) * images.bytes_per_image();
  if (images.pixels.size() != pixels || images.labels.size() != size_t(images.count))
    fail_internal(fmt::format("data set {}: {} holds {} bytes and {} labels for {} images of {}x{}", dataset.name,
                              split, images.pixels.size(), images.labels.size(), images.count, images.height,
                              images.width));
  for (int32_t label : images.labels)
    if (label < -1 || label >= dataset.classes())
      fail_internal(
          fmt::format("data set {}: {} has label {}, but {} classes", dataset.name, split, label, dataset.classes()));
}

// Moves row i of `width` numbers to row `kept`, or to the end of another array.
template <class T> void keep_row(std::vector<T>& rows, int64_t width, int64_t i, int64_t kept) {
  if (kept < i) std::copy_n(rows.begin() + i * width, width, rows.begin() + kept * width);
}
template <class T> void move_row(std::vector<T>& to, const std::vector<T>& rows, int64_t width, int64_t i) {
  to.insert(to.end(), rows.begin() + i * width, rows.begin() + (i + 1) * width);
}

// Moves the images at the ascending `items` from `from` to the end of `to`.
void move_images(Images& from, Images& to, const std::vector<int64_t>& items) {
  to.height = from.height, to.width = from.width, to.features = from.features;
  to.views.resize(from.views.size());
  const int64_t bytes = from.bytes_per_image();
  int64_t kept = 0;
  size_t next = 0;
  for (int64_t i = 0; i < from.count; ++i) {
    if (next < items.size() && items[next] == i) {
      ++next;
      move_row(to.pixels, from.pixels, bytes, i);
      for (size_t v = 0; v < from.views.size(); ++v) move_row(to.views[v], from.views[v], from.features, i);
      to.labels.push_back(from.labels[i]);
      if (!from.names.empty()) to.names.push_back(from.names[i]);
    } else {
      keep_row(from.pixels, bytes, i, kept);
      for (std::vector<float>& view : from.views) keep_row(view, from.features, i, kept);
      if (kept < i && !from.names.empty()) from.names[kept] = from.names[i];
      from.labels[kept++] = from.labels[i];
    }
  }
  to.count += int64_t(items.size());
  from.count = kept;
  from.pixels.resize(size_t(kept) * bytes);
  for (std::vector<float>& view : from.views) view.resize(size_t(kept * from.features));
  from.labels.resize(size_t(kept));
  if (!from.names.empty()) from.names.resize(size_t(kept));
}

// How many of `count` each class gives: its share, at least one, never its last.
std::vector<int64_t> shares(const std::vector<std::vector<int64_t>>& items, int64_t count, int64_t labeled) {
  const auto share = [&](size_t c) { return double(count) * double(items[c].size()) / double(labeled); };
  std::vector<int64_t> given;
  for (size_t c = 0; c < items.size(); ++c)
    given.push_back(std::clamp<int64_t>(int64_t(share(c)), 1, int64_t(items[c].size()) - 1));
  for (int64_t left = count - std::accumulate(given.begin(), given.end(), int64_t(0)); left != 0;) {
    const int64_t step = left > 0 ? 1 : -1;
    size_t best = items.size();
    double largest = 0;
    for (size_t c = 0; c < items.size(); ++c) {
      const double lacks = double(step) * (share(c) - double(given[c]));
      if (given[c] + step < 1 || given[c] + step >= int64_t(items[c].size())) continue;
      if (best == items.size() || lacks > largest) best = c, largest = lacks;
    }
    given[best] += step, left -= step;
  }
  return given;
}

// A slip of the keyboard makes a class of its own. Case of other letters than ASCII's counts.
void note_similar_classes(Dataset& dataset) {
  std::map<std::string, std::string> names;  // by what is left without case and spaces
  for (const std::string& name : dataset.class_names) {
    std::string plain;
    for (const char c : name)
      if (!std::isspace(uint8_t(c))) plain += char(std::tolower(uint8_t(c)));
    const auto [other, first] = names.emplace(plain, name);
    if (!first)
      dataset.notes.push_back(fmt::format("classes {} and {} differ in capitals or spaces alone, and are two",
                                          in_quotes(other->second), in_quotes(name)));
  }
}

}  // namespace

std::span<const DatasetEntry* const> dataset_registry() {
  static const DatasetEntry* const entries[] = {
#define CRC_DATASET(name) &datasets::name,
#include "data/datasets.def"
#undef CRC_DATASET
  };
  return entries;
}

std::span<const uint8_t> Images::content(int64_t i) const {
  if (!embedded()) return image(i);
  return {reinterpret_cast<const uint8_t*>(views.front().data() + i * features), size_t(features) * sizeof(float)};
}

bool has_labels(const Images& images) {
  return std::ranges::any_of(images.labels, [](int32_t label) { return label >= 0; });
}

Dataset load(const Source& source) {
  const DatasetEntry& entry = find_entry(source.name);
  Options options(source.name, source.options);
  Dataset dataset = entry.load(source, options);
  options.refuse_unknown();
  dataset.name = source.name;
  check(dataset, "train", dataset.train);
  check(dataset, "test", dataset.test);
  check(dataset, "validation", dataset.validation);
  if (std::string_view(entry.files) != "none") note_repeats(dataset);
  note_similar_classes(dataset);
  return dataset;
}

Images subset(const Images& images, const std::vector<int64_t>& items) {
  Images out{.height = images.height, .width = images.width, .pixels = {}, .labels = {}, .features = images.features};
  out.count = int64_t(items.size());
  out.views.resize(images.views.size());
  for (const int64_t i : items) {
    move_row(out.pixels, images.pixels, images.bytes_per_image(), i);
    for (size_t v = 0; v < images.views.size(); ++v) move_row(out.views[v], images.views[v], images.features, i);
    out.labels.push_back(images.labels[size_t(i)]);
    if (!images.names.empty()) out.names.push_back(images.names[size_t(i)]);
  }
  return out;
}

NormalizeStats measure(const Images& images) {
  NormalizeStats stats;
  const double n = 255.0 * double(images.count) * double(images.height * images.width);
  if (n == 0) return stats;
  int64_t sum[3] = {}, squares[3] = {};  // exact: 65,025 * 2^47 pixels fit
  for (size_t i = 0; i < images.pixels.size(); i += 3)
    for (size_t c = 0; c < 3; ++c) {
      const int64_t pixel = images.pixels[i + c];
      sum[c] += pixel;
      squares[c] += pixel * pixel;
    }
  for (int c = 0; c < 3; ++c) {
    const double mean = double(sum[c]) / n, square = double(squares[c]) / (255.0 * n);
    stats.mean[c] = float(mean);
    stats.std[c] = std::max(float(std::sqrt(std::max(square - mean * mean, 0.0))), 1.0f / 255.0f);
  }
  return stats;
}

void make_long_tailed(Dataset& dataset, double ratio, uint32_t seed) {
  const std::vector<std::vector<int64_t>> items = items_by_class(dataset.train.labels, dataset.classes());
  const auto share = [&](size_t c) { return long_tail_share(c, items.size(), ratio); };
  double head = INFINITY;
  for (size_t c = 0; c < items.size(); ++c) {
    if (items[c].empty())
      fail(ExitCode::config,
           fmt::format("data.imbalance = {}: no training image has the class {}", ratio, dataset.class_names[c]));
    head = std::min(head, double(items[c].size()) / share(c));
  }
  dataset.side.train.clear();  // ids move
  std::vector<int64_t> dropped;
  for (size_t c = 0; c < items.size(); ++c) {
    const auto size = int64_t(items[c].size()), kept = std::clamp<int64_t>(std::llround(head * share(c)), 1, size);
    for (int64_t k = kept; k < size; ++k)
      dropped.push_back(
          items[c][permute(seed, Purpose::dataset, uint32_t(c + 1 + items.size()), uint32_t(size), uint32_t(k))]);
  }
  std::ranges::sort(dropped);
  Images left_out;
  move_images(dataset.train, left_out, dropped);
}

void hold_out_labeled(Dataset& dataset, int64_t count, uint32_t seed) {
  if (!dataset.side.train.empty()) fail_internal("hold_out_labeled: ids of side information would move");
  const std::vector<std::vector<int64_t>> items = items_by_class(dataset.train.labels, dataset.classes());
  int64_t labeled = 0;
  std::vector<std::string> few;
  for (size_t c = 0; c < items.size(); ++c) {
    labeled += int64_t(items[c].size());
    if (items[c].size() < 2 && few.size() < 10)
      few.push_back(fmt::format("{}: {}", dataset.class_names[c], items[c].size()));
  }
  const int64_t most = labeled - dataset.classes();
  if (!few.empty() || count < dataset.classes() || count > most)
    fail(
        ExitCode::config,
        fmt::format("data.validation_size = {}: {} of {} training images have a label, and each of the {} classes must "
                    "give one of them and keep one; {}",
                    count, labeled, dataset.train.count, dataset.classes(),
                    few.empty() ? fmt::format("choose {} to {}", dataset.classes(), most)
                                : "too few have (" + join(few) + "): label more, or hold out none"));
  std::vector<int64_t> chosen;
  const std::vector<int64_t> given = shares(items, count, labeled);
  for (size_t c = 0; c < items.size(); ++c)
    for (int64_t k = 0; k < given[c]; ++k)
      chosen.push_back(
          items[c][permute(seed, Purpose::dataset, uint32_t(c) + 1, uint32_t(items[c].size()), uint32_t(k))]);
  std::ranges::sort(chosen);
  move_images(dataset.train, dataset.validation, chosen);
}

void split_validation(Dataset& dataset, int64_t count, uint32_t seed) {
  const int64_t n = dataset.train.count;
  if (count < 0 || count >= std::max<int64_t>(n, 1))
    fail(ExitCode::config,
         fmt::format("data.validation_size = {}: the training split has {} images, and some must stay", count, n));
  if (!dataset.side.train.empty()) fail_internal("split_validation: ids of side information would move");
  std::vector<int64_t> items;
  for (int64_t i = 0; i < count; ++i) items.push_back(permute(seed, Purpose::dataset, 0, uint32_t(n), uint32_t(i)));
  std::ranges::sort(items);
  move_images(dataset.train, dataset.validation, items);
}

}  // namespace crc::data
