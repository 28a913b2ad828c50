// STL-10's binary folder: {train,test,unlabeled}_X.bin (96x96, one plane per channel, each column by column) and
// {train,test}_y.bin (1..10). Coates et al., 2011.
#include <fmt/format.h>

#include <algorithm>

#include "data/datasets/records.h"

namespace crc::data {
namespace {

constexpr int64_t kSide = 96, kPlane = kSide * kSide, kImage = 3 * kPlane;

// Appends the images; returns how many.
int64_t read_images(const Path& path, Images& images, Fingerprint& fingerprint) {
  const Bytes bytes = read_file(path);
  const int64_t size = int64_t(bytes.size()), count = size / kImage;
  if (size == 0 || size % kImage != 0)
    fail_at(path, count * kImage, fmt::format("{} bytes after {} whole images", size % kImage, count),
            fmt::format("images of {} bytes", kImage));
  fingerprint.add(bytes);
  images.height = images.width = kSide;
  images.pixels.reserve(images.pixels.size() + bytes.size());
  for (int64_t i = 0; i < count; ++i)
    for (int64_t row = 0; row < kSide; ++row)
      for (int64_t column = 0; column < kSide; ++column)
        for (int64_t c = 0; c < 3; ++c) images.pixels.push_back(bytes[i * kImage + c * kPlane + column * kSide + row]);
  images.count += count;
  return count;
}

void read_labels(const Path& path, int64_t count, Images& images, Fingerprint& fingerprint) {
  const Bytes bytes = read_file(path);
  if (int64_t(bytes.size()) != count)
    fail_at(path, std::min<int64_t>(count, int64_t(bytes.size())), fmt::format("{} labels", bytes.size()),
            fmt::format("{}, one per image", count));
  for (int64_t i = 0; i < count; ++i) {
    if (bytes[i] < 1 || bytes[i] > 10) fail_at(path, i, fmt::format("label {}", bytes[i]), "1..10");
    images.labels.push_back(bytes[i] - 1);
  }
  fingerprint.add(bytes);
}

Dataset load_stl10(const Source& source, Options& options) {
  const bool unlabeled = options.flag("unlabeled", false);
  std::vector<std::string> files{"train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"};
  if (unlabeled) files.push_back("unlabeled_X.bin");
  const Path folder = find_folder("stl10", source.dir, {"stl10_binary"}, files, datasets::stl10.source);
  Dataset dataset;
  Fingerprint fingerprint;
  read_labels(folder / "train_y.bin", read_images(folder / "train_X.bin", dataset.train, fingerprint), dataset.train,
              fingerprint);
  read_labels(folder / "test_y.bin", read_images(folder / "test_X.bin", dataset.test, fingerprint), dataset.test,
              fingerprint);
  if (unlabeled) {
    const int64_t count = read_images(folder / "unlabeled_X.bin", dataset.train, fingerprint);
    dataset.train.labels.insert(dataset.train.labels.end(), count, -1);
  }
  if (!unlabeled && file_exists(folder / "unlabeled_X.bin"))
    dataset.notes.push_back("unlabeled_X.bin is not read; data.options = \"unlabeled=true\" adds its images");
  dataset.fingerprint = fingerprint.hex();
  dataset.class_names = read_class_names(folder / "class_names.txt", {"airplane", "bird", "car", "cat", "deer", "dog",
                                                                      "horse", "monkey", "ship", "truck"});
  dataset.normalize = measure(dataset.train);
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry stl10 = {
    "stl10",
    "STL-10: 5,000 + 8,000 photographs (+ 100,000 unlabelled), 96x96, 10 classes",
    "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    "train_X.bin train_y.bin test_X.bin test_y.bin [unlabeled_X.bin], here or in stl10_binary",
    "unlabeled=false",
    load_stl10,
};
}  // namespace datasets

}  // namespace crc::data
