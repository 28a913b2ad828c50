// PNG files of one size. Either class-named subfolders, train/<class>/*.png and test/<class>/*.png; or a list,
// labels.csv: "path,label" or "path,label,split" a line (split: train or test), label a class name, empty for an
// unlabelled training image. Classes and files are numbered in byte order of their names, so ids are the same on every
// machine.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "data/dataset.h"
#include "data/png.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr size_t kMostClasses = 10'000, kMostImages = 10'000'000;

struct Listed {
  Path path;
  std::string label;  // class name; empty: unlabelled
};
struct Listing {
  std::vector<Listed> train, test;
};

std::vector<Path> entries(const Path& dir, bool folders) {
  std::vector<Path> paths = list_folder(dir);
  std::erase_if(paths, [folders](const Path& path) {
    const bool hidden = path.filename().native().starts_with(".");
    return hidden || !(folders ? is_folder(path) : path.extension() == ".png");
  });
  return paths;
}

std::vector<Listed> list_classes(const Path& dir) {
  std::vector<Listed> files;
  for (const Path& folder : entries(dir, true))
    for (const Path& path : entries(folder, false)) files.push_back({path, folder.filename().string()});
  return files;
}

// A path of a list stays below the list's folder.
Path safe_path(const Path& dir, const std::string& text, const Path& csv, int64_t at) {
  const Path path(text);
  const bool climbs = std::ranges::any_of(path, [](const Path& part) { return part == ".."; });
  if (text.empty() || path.is_absolute() || climbs)
    fail_at(csv, at, fmt::format("path {:?}", text), "a relative path without \"..\"");
  return dir / path;
}

Listing read_list(const Path& csv, Fingerprint& fingerprint) {
  const Bytes bytes = read_file(csv, int64_t(1) << 30);
  fingerprint.add(bytes);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  Listing listing;
  int64_t at = 0;
  for (std::string line; std::getline(text, line);) {
    const int64_t line_at = std::exchange(at, at + int64_t(line.size()) + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const bool heading = line_at == 0 && line.starts_with("path,");
    if (line.empty() || heading) continue;
    std::vector<std::string> fields(1);
    for (char c : line) c == ',' ? void(fields.emplace_back()) : fields.back().push_back(c);
    if (fields.size() < 2 || fields.size() > 3 || line.find('"') != line.npos)
      fail_at(csv, line_at, fmt::format("{:?}", line.substr(0, 200)), "path,label or path,label,split without quotes");
    const std::string split = fields.size() == 3 ? fields[2] : "train";
    if (split != "train" && split != "test") fail_at(csv, line_at, fmt::format("split {:?}", split), "train or test");
    if (split == "test" && fields[1].empty()) fail_at(csv, line_at, "a test image without label", "a class name");
    (split == "test" ? listing.test : listing.train)
        .push_back({safe_path(csv.parent_path(), fields[0], csv, line_at), fields[1]});
  }
  return listing;
}

Images read_images(const Path& dir, const std::vector<Listed>& files, const std::map<std::string, int32_t>& classes,
                   Fingerprint& fingerprint) {
  Images images;
  for (const auto& [path, label] : files) {
    const Bytes bytes = read_file(path, int64_t(1) << 28);
    const RgbImage png = decode_png(bytes, path);
    if (images.count == 0) images.height = png.height, images.width = png.width;
    if (png.height != images.height || png.width != images.width)
      fail_at(path, 16, fmt::format("{}x{} pixels", png.height, png.width),
              fmt::format("{}x{}, as in {}", images.height, images.width, files.front().path.string()));
    fingerprint.add(bytes);
    fingerprint.add(label);
    images.pixels.insert(images.pixels.end(), png.pixels.begin(), png.pixels.end());
    images.names.push_back(path.lexically_relative(dir).generic_string());
    images.labels.push_back(label.empty() ? -1 : classes.at(label));
    ++images.count;
  }
  return images;
}

Listing list_files(const Path& dir, Fingerprint& fingerprint) {
  if (file_exists(dir / "labels.csv")) return read_list(dir / "labels.csv", fingerprint);
  const Path folder = find_folder("folder", dir, {}, {"train", "test"}, "your images (or write a labels.csv)");
  return {list_classes(folder / "train"), list_classes(folder / "test")};
}

Dataset load_folder(const Source& source, Options& options) {
  Fingerprint fingerprint;
  const Listing listing = list_files(source.dir, fingerprint);
  if (listing.train.empty())
    fail(ExitCode::input_missing,
         fmt::format("folder: {} lists no training images; expected: {}", source.dir.string(), datasets::folder.files));
  std::map<std::string, int32_t> classes;
  for (const auto* split : {&listing.train, &listing.test})
    for (const Listed& file : *split)
      if (!file.label.empty()) classes[file.label] = 0;
  if (classes.empty() || classes.size() > kMostClasses || listing.train.size() + listing.test.size() > kMostImages)
    fail(ExitCode::corrupt_data,
         fmt::format("folder: {} has {} classes and {} images; expected 1..{} classes and at most {} images",
                     source.dir.string(), classes.size(), listing.train.size() + listing.test.size(), kMostClasses,
                     kMostImages));
  Dataset dataset;
  for (auto& [name, number] : classes) {
    if (!is_utf8(name))
      fail(ExitCode::corrupt_data,
           fmt::format("folder: the class name \"{}\" in {} is not UTF-8; rename it", name, source.dir.string()));
    number = int32_t(dataset.class_names.size());
    dataset.class_names.push_back(name);
  }
  dataset.train = read_images(source.dir, listing.train, classes, fingerprint);
  dataset.test = read_images(source.dir, listing.test, classes, fingerprint);
  const Images &train = dataset.train, &test = dataset.test;
  if (test.count > 0 && (test.height != train.height || test.width != train.width))
    fail_at(listing.test.front().path, 16, fmt::format("{}x{} pixels", test.height, test.width),
            fmt::format("{}x{}, as in training", train.height, train.width));
  dataset.fingerprint = fingerprint.hex();
  dataset.normalize = measure(dataset.train);
  split_validation(dataset, options);
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry folder = {
    "folder",
    "your own PNG images of one size",
    "your own",
    "train/<class>/*.png and test/<class>/*.png, or labels.csv (path,label[,train|test]; an empty label: unlabelled)",
    "validation=0 split_seed=0",
    load_folder,
};
}  // namespace datasets

}  // namespace crc::data
