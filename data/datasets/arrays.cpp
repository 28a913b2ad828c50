// Images as NumPy arrays: train.npy and perhaps test.npy, uint8 [N,H,W,3] or grey [N,H,W]; train_labels.npy and
// test_labels.npy, one integer per image, -1 where it is unknown (or CSV with class numbers); classes.txt, the names of
// the classes 0, 1, ..., one a line. Without it classes are numbers, 0 to the largest label.
#include <fmt/format.h>

#include <algorithm>

#include "data/datasets/embedding_files.h"
#include "data/datasets/records.h"
#include "data/npy.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr int64_t kMostNumbers = 10'000;

Images read_image_array(const Path& path, Fingerprint& fingerprint) {
  const NpyArray array = read_npy(path);
  const size_t rank = array.shape.size();
  const bool shaped = rank == 3 || (rank == 4 && array.shape[3] == 3);
  if (array.type != NpyType::u8 || array.fortran_order || !shaped || array.size() == 0)
    fail(ExitCode::corrupt_data,
         fmt::format("{} is {}; images are uint8 [N,H,W,3] or [N,H,W] in C order", path.string(), array.describe()));
  fingerprint.add(array.describe());
  fingerprint.add(array.bytes);
  Images images{.count = array.shape[0], .height = array.shape[1], .width = array.shape[2], .pixels = {}, .labels = {}};
  images.labels.assign(size_t(images.count), -1);
  if (rank == 4) {
    images.pixels.assign(array.bytes.begin(), array.bytes.end());
  } else {
    images.pixels.reserve(array.bytes.size() * 3);
    for (const uint8_t grey : array.bytes) images.pixels.insert(images.pixels.end(), 3, grey);
  }
  return images;
}

// Numbers; the largest + 1 is returned.
int64_t label_images(Images& images, const Path& npy, const Path& csv, Fingerprint& fingerprint) {
  const Path path = file_exists(npy) ? npy : csv;
  if (!file_exists(path)) return 0;
  const LabelColumn column = read_labels(path, images.count, fingerprint);
  int64_t most = 0;
  for (size_t i = 0; i < column.text.size(); ++i) {
    if (column.text[i].empty()) continue;
    const auto number = data::parse<int64_t>(column.text[i]);
    if (!number || *number < 0 || *number >= kMostNumbers)
      fail(ExitCode::corrupt_data,
           fmt::format("{}: the label of image {} is {}; expected 0 to {}, or -1 where it is unknown", path.string(), i,
                       in_quotes(column.text[i]), kMostNumbers - 1));
    images.labels[i] = int32_t(*number);
    most = std::max(most, *number + 1);
  }
  return most;
}

// Those of classes.txt; else numbers.
std::vector<std::string> classes_of_folder(const Path& folder, int64_t most, Fingerprint& fingerprint) {
  const Path path = folder / "classes.txt";
  if (!file_exists(path)) {
    std::vector<std::string> numbers;
    for (int64_t c = 0; c < std::max<int64_t>(most, 2); ++c) numbers.push_back(std::to_string(c));
    return numbers;
  }
  const std::string text = read_text(path, 1 << 20);
  fingerprint.add(text);
  const size_t count = text_lines(text, path.string()).size();
  if (int64_t(count) < std::max<int64_t>(most, 2))
    fail(ExitCode::corrupt_data, fmt::format("{} names {} classes, and {} are needed: the largest label is {}",
                                             path.string(), count, std::max<int64_t>(most, 2), most - 1));
  return read_class_names(path, std::vector<std::string>(count));
}

Dataset load_arrays(const Source& source, Options&) {
  const Path folder = find_folder("arrays", source.dir, {}, {"train.npy"}, "your own images, by numpy.save");
  Dataset dataset;
  Fingerprint fingerprint;
  dataset.train = read_image_array(folder / "train.npy", fingerprint);
  int64_t most = label_images(dataset.train, folder / "train_labels.npy", folder / "train_labels.csv", fingerprint);
  if (file_exists(folder / "test.npy")) {
    dataset.test = read_image_array(folder / "test.npy", fingerprint);
    const Images &train = dataset.train, &test = dataset.test;
    if (test.height != train.height || test.width != train.width)
      fail(ExitCode::corrupt_data,
           fmt::format("{} holds images of {}x{}, and train.npy of {}x{}", (folder / "test.npy").string(), test.height,
                       test.width, train.height, train.width));
    most =
        std::max(most, label_images(dataset.test, folder / "test_labels.npy", folder / "test_labels.csv", fingerprint));
  }
  dataset.class_names = classes_of_folder(folder, most, fingerprint);
  dataset.fingerprint = fingerprint.hex();
  dataset.normalize = measure(dataset.train);
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry arrays = {
    "arrays",
    "your own images as NumPy arrays",
    "your own",
    "train.npy [N,H,W,3] or [N,H,W] uint8, and perhaps train_labels.npy [N], test.npy, test_labels.npy, classes.txt",
    "none",
    load_arrays,
};
}  // namespace datasets

}  // namespace crc::data
