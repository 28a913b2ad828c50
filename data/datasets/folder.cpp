// PNG and JPEG files, listed or in folders as folder_files.h says. Classes are numbered in byte order of their names, or
// as data.class_names has them, and files in byte order of theirs, so items are the same on every machine.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>

#include "data/csv.h"
#include "data/dataset.h"
#include "data/datasets/folder_files.h"
#include "data/image.h"
#include "data/jpeg.h"
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
    constexpr const char* kWhat[] = {"transparent pixels, of which the colour alone is read",
                                     "16 bits a channel, of which the upper 8 are read",
                                     "several frames, of which the first is read"};
    for (size_t k = 0; k < std::size(kWhat); ++k)
      if (!names_[k].empty())
        notes.push_back(fmt::format("{} {}: {}", counted(int64_t(names_[k].size()), "image has", "images have"),
                                    kWhat[k], join_first(legible(names_[k]), 3)));
  }

 private:
  std::vector<std::string> names_[3];
};

// What becomes of files.
struct Reading {
  int64_t side = 0;  // of the square that every image becomes; 0: they are PNG files of one size
  Crop crop = Crop::center;
  bool skip = false;  // files that cannot be read
};

struct ReadImage {
  Bytes bytes;
  RgbImage image;
  std::exception_ptr error;
};

// Decoding takes longest. Files in parallel, their results in order.
std::vector<ReadImage> read_some(std::span<const ListedImage> files, const Reading& reading) {
  std::vector<ReadImage> read(files.size());
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < files.size(); ++i) try {
      const Path& path = files[i].path;
      read[i].bytes = read_file(path, kMostPngBytes);
      if (reading.side == 0 && is_jpeg(read[i].bytes))
        fail_at(path, 0, "a JPEG image", "a PNG file; data.resize reads JPEG too");
      read[i].image = decode_image(read[i].bytes, path, reading.side);
      if (reading.side > 0) read[i].image = resize(std::move(read[i].image), reading.side, reading.crop);
    } catch (...) {
      read[i].error = std::current_exception();
    }
  return read;
}

// Files that are left out, and why.
class Skipped {
 public:
  // Throws what is not the file's own fault, and whatever it is where nothing may be left out.
  void add(const std::exception_ptr& error, bool allowed) {
    try {
      std::rethrow_exception(error);
    } catch (const Error& e) {
      if (!allowed) {
        if (e.code() != ExitCode::corrupt_data) throw;
        fail(e.code(), std::string(e.what()) + "; or leave such files out: data.unreadable = \"skip\"");
      }
      if (e.code() != ExitCode::corrupt_data && e.code() != ExitCode::input_missing) throw;
      reasons_.push_back(legible(std::string(e.what())));
    }
  }
  void note(std::vector<std::string>& notes) const {
    if (!reasons_.empty())
      notes.push_back(fmt::format("{}: {}",
                                  counted(int64_t(reasons_.size()), "file cannot be read and is left out",
                                          "files cannot be read and are left out"),
                                  join_first(reasons_, 5)));
  }

 private:
  std::vector<std::string> reasons_;
};

class Reader {
 public:
  Reader(const Path& dir, const Reading& reading, const std::map<std::string, int32_t>& classes,
         Fingerprint& fingerprint)
      : dir_(dir), reading_(reading), classes_(classes), fingerprint_(fingerprint) {}

  Images read(const std::vector<ListedImage>& files) {
    constexpr size_t kAtOnce = 256;
    Images images;
    for (size_t at = 0; at < files.size(); at += kAtOnce) {
      const auto some = std::span(files).subspan(at, std::min(kAtOnce, files.size() - at));
      std::vector<ReadImage> read = read_some(some, reading_);
      for (size_t i = 0; i < some.size(); ++i)
        if (read[i].error)
          skipped_.add(read[i].error, reading_.skip);
        else
          add(images, some[i], read[i]);
    }
    return images;
  }
  void note(std::vector<std::string>& notes) const {
    losses_.note(notes);
    skipped_.note(notes);
  }

 private:
  void add(Images& images, const ListedImage& file, const ReadImage& read) {
    const RgbImage& image = read.image;
    if (images.count == 0) images.height = image.height, images.width = image.width, first_ = file.path;
    if (image.height != images.height || image.width != images.width)
      fail_at(file.path, 16, fmt::format("{}x{} pixels", image.height, image.width),
              fmt::format("{}x{}, as in {} (data.resize makes them one size)", images.height, images.width,
                          first_.string()));
    fingerprint_.add(read.bytes);
    fingerprint_.add(file.label);
    if (image.orientation != 1 && is_png(read.bytes)) fingerprint_.add("turned");  // other pixels than before 0.3
    images.pixels.insert(images.pixels.end(), image.pixels.begin(), image.pixels.end());
    images.names.push_back(file.path.lexically_relative(dir_).generic_string());
    losses_.add(image, images.names.back());
    images.labels.push_back(file.label.empty() ? -1 : classes_.at(file.label));
    ++images.count;
  }

  const Path& dir_;
  const Reading& reading_;
  const std::map<std::string, int32_t>& classes_;
  Fingerprint& fingerprint_;
  Path first_;
  Losses losses_;
  Skipped skipped_;
};

Reading reading_of(Options& options) {
  Reading reading;
  reading.side = options.integer("resize", 0, 0, 512);
  reading.crop = crop_called(options.choice("crop", kCrops));
  reading.skip = options.choice("unreadable", kUnreadable) == "skip";
  return reading;
}

// Of data.class_names: "cat,dog", as a row of a CSV file.
std::vector<std::string> named_classes(Options& options) {
  const std::string text = options.text("class_names");
  if (text.empty()) return {};
  std::vector<std::string> names = CsvReader(text, "data.class_names").heading();
  for (std::string& name : names) {  // "cat, dog"
    name.erase(0, name.find_first_not_of(" \t"));
    name.erase(name.find_last_not_of(" \t") + 1);
  }
  const auto refuse = [&](const std::string& why) {
    fail(ExitCode::config,
         fmt::format("folder: option class_names is {}: {}; name two classes or more: cat,dog", in_quotes(text), why));
  };
  if (names.size() < 2) refuse("there is one class");
  for (size_t c = 0; c < names.size(); ++c)
    if (names[c].empty())
      refuse("a name is empty");
    else if (std::find(names.begin(), names.begin() + c, names[c]) != names.begin() + c)
      refuse(names[c] + " stands there twice");
  return names;
}

void check_named(const std::vector<std::string>& names, const std::map<std::string, int32_t>& labels, const Path& dir) {
  for (const auto& [label, number] : labels)
    if (std::ranges::count(names, label) == 0)
      fail(ExitCode::corrupt_data, fmt::format("folder: the label {} in {} is none of data.class_names ({})",
                                               in_quotes(label), dir.string(), join_first(names, 10)));
}

Dataset load_folder(const Source& source, Options& options) {
  Fingerprint fingerprint;
  const Reading reading = reading_of(options);
  const ListingRules rules{.jpeg = reading.side > 0, .classes = named_classes(options)};
  const Listing listing = list_images(source.dir, fingerprint, rules);
  if (listing.train.empty())
    fail(ExitCode::input_missing,
         fmt::format("folder: {} lists no training images; expected: {}", source.dir.string(), datasets::folder.files));
  std::map<std::string, int32_t> classes;
  for (const auto* split : {&listing.train, &listing.test})
    for (const ListedImage& file : *split)
      if (!file.label.empty()) classes[file.label] = 0;
  if (!rules.classes.empty()) check_named(rules.classes, classes, source.dir);
  for (const std::string& name : rules.classes) classes[name] = 0, fingerprint.add(name);
  if (classes.empty() || classes.size() > kMostClasses || listing.train.size() + listing.test.size() > kMostImages)
    fail(ExitCode::corrupt_data,
         fmt::format("folder: {} has {} classes and {} images; expected 1..{} classes and at most {} images",
                     source.dir.string(), classes.size(), listing.train.size() + listing.test.size(), kMostClasses,
                     kMostImages));
  Dataset dataset;
  dataset.notes = listing.notes;
  dataset.class_names = rules.classes;
  if (rules.classes.empty())
    for (const auto& [name, number] : classes) dataset.class_names.push_back(name);
  for (size_t c = 0; c < dataset.class_names.size(); ++c) {
    const std::string& name = dataset.class_names[c];
    if (!is_utf8(name))
      fail(ExitCode::corrupt_data,
           fmt::format("folder: the class name \"{}\" in {} is not UTF-8; rename it", name, source.dir.string()));
    classes.at(name) = int32_t(c);
  }
  Reader reader(source.dir, reading, classes, fingerprint);
  dataset.train = reader.read(listing.train);
  dataset.test = reader.read(listing.test);
  reader.note(dataset.notes);
  if (dataset.train.count == 0)
    fail(ExitCode::corrupt_data,
         fmt::format("folder: none of the {} training images in {} can be read; the first: {}", listing.train.size(),
                     source.dir.string(), listing.train.front().path.string()));
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
    "your own images: PNG files of one size, or PNG and JPEG files brought to one (data.resize)",
    "your own",
    "labels.csv (path,label[,train|test]; an empty label: unlabelled), metadata.csv or .jsonl, train/<class>/* and "
    "test/<class>/*, <class>/*, or images alone, with data.class_names",
    "resize=0 crop=center unreadable=refuse class_names=",
    load_folder,
};
}  // namespace datasets

}  // namespace crc::data
