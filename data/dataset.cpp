#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

// Moves the images at the ascending `ids` from `from` to the end of `to`.
void move_images(Images& from, Images& to, const std::vector<int64_t>& ids) {
  to.height = from.height, to.width = from.width;
  const int64_t bytes = from.bytes_per_image();
  int64_t kept = 0;
  size_t next = 0;
  for (int64_t i = 0; i < from.count; ++i) {
    const uint8_t* image = from.pixels.data() + i * bytes;
    if (next < ids.size() && ids[next] == i) {
      ++next;
      to.pixels.insert(to.pixels.end(), image, image + bytes);
      to.labels.push_back(from.labels[i]);
      if (!from.names.empty()) to.names.push_back(from.names[i]);
    } else {
      if (kept < i) std::copy_n(image, bytes, from.pixels.data() + kept * bytes);
      if (kept < i && !from.names.empty()) from.names[kept] = from.names[i];
      from.labels[kept++] = from.labels[i];
    }
  }
  to.count += int64_t(ids.size());
  from.count = kept;
  from.pixels.resize(size_t(kept) * bytes);
  from.labels.resize(size_t(kept));
  if (!from.names.empty()) from.names.resize(size_t(kept));
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
  return dataset;
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

void split_validation(Dataset& dataset, int64_t count, uint32_t seed) {
  const int64_t n = dataset.train.count;
  if (count < 0 || count >= std::max<int64_t>(n, 1))
    fail(ExitCode::config,
         fmt::format("validation={}: the training split has {} images, and some must stay", count, n));
  if (!dataset.side.train.empty()) fail_internal("split_validation: ids of side information would move");
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(permute(seed, Purpose::dataset, 0, uint32_t(n), uint32_t(i)));
  std::ranges::sort(ids);
  move_images(dataset.train, dataset.validation, ids);
}

}  // namespace crc::data
