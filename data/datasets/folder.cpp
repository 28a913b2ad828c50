// PNG files of one size. Either class-named subfolders, train/<class>/*.png and test/<class>/*.png; or a list,
// labels.csv, with columns path, label (a class name, empty for an unlabelled training image) and perhaps split (train
// or test; empty: train); without a first line that names them, in this order. Classes and files are numbered in byte
// order of their names, so items are the same on every machine.
#include <fmt/format.h>

#include <map>

#include "data/dataset.h"
#include "data/datasets/folder_files.h"
#include "data/png.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr size_t kMostClasses = 10'000, kMostImages = 10'000'000;

// Of which files not everything is read, and what is left out.
class Losses {
 public:
  void add(const RgbImage& png, const std::string& name) {
    const bool lost[] = {png.lost_alpha, png.lost_depth, png.lost_frames};
    for (size_t k = 0; k < std::size(lost); ++k)
      if (lost[k]) names_[k].push_back(name);
  }
  void note(std::vector<std::string>& notes) const {
    constexpr const char* kWhat[] = {"have transparent pixels, of which the colour alone is read",
                                     "have 16 bits a channel, of which the upper 8 are read",
                                     "have several frames, of which the first is read"};
    for (size_t k = 0; k < std::size(kWhat); ++k)
      if (!names_[k].empty())
        notes.push_back(fmt::format("{} images {}: {}", names_[k].size(), kWhat[k], join_first(legible(names_[k]), 3)));
  }

 private:
  std::vector<std::string> names_[3];
};

Images read_images(const Path& dir, const std::vector<ListedImage>& files,
                   const std::map<std::string, int32_t>& classes, Fingerprint& fingerprint, Losses& losses) {
  Images images;
  for (const auto& [path, label] : files) {
    const Bytes bytes = read_file(path, kMostPngBytes);
    const RgbImage png = decode_png(bytes, path);
    if (images.count == 0) images.height = png.height, images.width = png.width;
    if (png.height != images.height || png.width != images.width)
      fail_at(path, 16, fmt::format("{}x{} pixels", png.height, png.width),
              fmt::format("{}x{}, as in {}", images.height, images.width, files.front().path.string()));
    fingerprint.add(bytes);
    fingerprint.add(label);
    images.pixels.insert(images.pixels.end(), png.pixels.begin(), png.pixels.end());
    images.names.push_back(path.lexically_relative(dir).generic_string());
    losses.add(png, images.names.back());
    images.labels.push_back(label.empty() ? -1 : classes.at(label));
    ++images.count;
  }
  return images;
}

Dataset load_folder(const Source& source, Options&) {
  Fingerprint fingerprint;
  const Listing listing = list_images(source.dir, fingerprint);
  if (listing.train.empty())
    fail(ExitCode::input_missing,
         fmt::format("folder: {} lists no training images; expected: {}", source.dir.string(), datasets::folder.files));
  std::map<std::string, int32_t> classes;
  for (const auto* split : {&listing.train, &listing.test})
    for (const ListedImage& file : *split)
      if (!file.label.empty()) classes[file.label] = 0;
  if (classes.empty() || classes.size() > kMostClasses || listing.train.size() + listing.test.size() > kMostImages)
    fail(ExitCode::corrupt_data,
         fmt::format("folder: {} has {} classes and {} images; expected 1..{} classes and at most {} images",
                     source.dir.string(), classes.size(), listing.train.size() + listing.test.size(), kMostClasses,
                     kMostImages));
  Dataset dataset;
  dataset.notes = listing.notes;
  for (auto& [name, number] : classes) {
    if (!is_utf8(name))
      fail(ExitCode::corrupt_data,
           fmt::format("folder: the class name \"{}\" in {} is not UTF-8; rename it", name, source.dir.string()));
    number = int32_t(dataset.class_names.size());
    dataset.class_names.push_back(name);
  }
  Losses losses;
  dataset.train = read_images(source.dir, listing.train, classes, fingerprint, losses);
  dataset.test = read_images(source.dir, listing.test, classes, fingerprint, losses);
  losses.note(dataset.notes);
  const Images &train = dataset.train, &test = dataset.test;
  if (test.count > 0 && (test.height != train.height || test.width != train.width))
    fail_at(listing.test.front().path, 16, fmt::format("{}x{} pixels", test.height, test.width),
            fmt::format("{}x{}, as in training", train.height, train.width));
  dataset.fingerprint = fingerprint.hex();
  dataset.normalize = measure(dataset.train);
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry folder = {
    "folder",
    "your own PNG images of one size",
    "your own",
    "train/<class>/*.png and test/<class>/*.png, or labels.csv (path,label[,train|test]; an empty label: unlabelled)",
    "none",
    load_folder,
};
}  // namespace datasets

}  // namespace crc::data
