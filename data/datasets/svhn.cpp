// SVHN, format 2 (cropped digits): {train,test,extra}_32x32.mat, MATLAB 5 files with X uint8 [32,32,3,N] column-major
// and y [N,1] in 1..10, where 10 is the digit 0. Netzer et al., 2011.
#include <fmt/format.h>

#include <algorithm>

#include "data/dataset.h"
#include "data/mat.h"

namespace crc::data {
namespace {

constexpr int64_t kSvhnSide = 32, kSvhnImage = kSvhnSide * kSvhnSide * 3;
// Photographs shrink by a third. What claims to shrink a hundredfold is refused before anything of that size is made.
constexpr int64_t kMostInflated = 32, kAlways = 1 << 20;  // times the file's size; bytes that any file may hold

int64_t check_images(const MatArray& x, int64_t file_bytes, const Path& path) {
  const std::vector<int64_t>& s = x.shape();
  const bool shaped = s.size() == 4 && s[0] == kSvhnSide && s[1] == kSvhnSide && s[2] == 3 && s[3] >= 1;
  if (x.mat_class() != MatClass::uint8 || !shaped)
    fail_at(path, x.at(), fmt::format("X of class {} and size {}", int(x.mat_class()), x.shape_text()),
            "class 9 (uint8) and size 32x32x3xN");
  if (s[3] > std::max(file_bytes * kMostInflated, kAlways) / kSvhnImage)
    fail_at(path, x.at(), fmt::format("X of size {}", x.shape_text()),
            fmt::format("what {} bytes can hold, at most {} times as many", file_bytes, kMostInflated));
  return s[3];
}

void check_labels(const MatArray& y, int64_t count, const Path& path) {
  const bool vector = y.shape() == std::vector<int64_t>{count, 1};
  if (!vector || (y.mat_class() != MatClass::float64 && y.mat_class() != MatClass::uint8))
    fail_at(path, y.at(),
            fmt::format("y of class {} and rank {}, {} rows", int(y.mat_class()), y.shape().size(), y.shape()[0]),
            fmt::format("class 6 (double) or 9 (uint8) and size {}x1, as many as X has images", count));
}

int32_t digit_of(double value, int64_t i, const MatArray& y, const Path& path) {
  if (!(value >= 1 && value <= 10) || value != double(int32_t(value)))
    fail_at(path, y.at(), fmt::format("y[{}] = {}", i, value), "a whole number in 1..10 (10 is the digit 0)");
  return int32_t(value) % 10;
}

// MATLAB's order is row fastest, then column, channel, image.
void append_image(const uint8_t* x, std::vector<uint8_t>& pixels) {
  for (int64_t row = 0; row < kSvhnSide; ++row)
    for (int64_t column = 0; column < kSvhnSide; ++column)
      for (int64_t c = 0; c < 3; ++c) pixels.push_back(x[row + kSvhnSide * column + kSvhnSide * kSvhnSide * c]);
}

void read_mat(const Path& path, Images& images, Fingerprint& fingerprint) {
  const Bytes bytes = read_file(path);
  MatArray x = open_mat_array(bytes, "X", path);
  const int64_t count = check_images(x, int64_t(bytes.size()), path);
  MatArray y = open_mat_array(bytes, "y", path);
  fingerprint.add(bytes);
  check_labels(y, count, path);
  images.height = images.width = kSvhnSide;
  images.pixels.reserve(images.pixels.size() + size_t(count * kSvhnImage));
  std::vector<uint8_t> image(kSvhnImage);
  for (int64_t i = 0; i < count; ++i) {
    double label = 0;
    y.read(std::span(&label, 1));
    images.labels.push_back(digit_of(label, i, y, path));
    x.read(std::span(image));
    append_image(image.data(), images.pixels);
  }
  x.finish();
  y.finish();
  images.count += count;
}

Dataset load_svhn(const Source& source, Options& options) {
  std::vector<std::string> files{"train_32x32.mat", "test_32x32.mat"};
  const bool extra = options.flag("extra", false);
  if (extra) files.push_back("extra_32x32.mat");
  const Path folder = find_folder("svhn", source.dir, {"svhn"}, files, datasets::svhn.source);
  Dataset dataset;
  Fingerprint fingerprint;
  for (const auto& file : files)
    read_mat(folder / file, file == "test_32x32.mat" ? dataset.test : dataset.train, fingerprint);
  if (!extra && file_exists(folder / "extra_32x32.mat"))
    dataset.notes.push_back("extra_32x32.mat is not read; data.options = \"extra=true\" adds its images");
  dataset.fingerprint = fingerprint.hex();
  for (int digit = 0; digit < 10; ++digit) dataset.class_names.push_back(std::to_string(digit));
  dataset.normalize_source = "0.5, as all published semi-supervised results on SVHN";  // the default of NormalizeStats
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry svhn = {
    "svhn",
    "SVHN cropped digits: 73,257 + 26,032 (+ 531,131 extra), 32x32, 10 classes",
    "http://ufldl.stanford.edu/housenumbers/",
    "train_32x32.mat test_32x32.mat [extra_32x32.mat]",
    "extra=false",
    load_svhn,
};
}  // namespace datasets

}  // namespace crc::data
