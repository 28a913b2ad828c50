#include "data/datasets/cifar10.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "data/csv.h"
#include "data/datasets/records.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr int kBatches = 5;
constexpr int64_t kLargestSide = 1024;

std::string batch_name(int batch) { return fmt::format("data_batch_{}.bin", batch); }

RecordLayout layout_of(const Path& folder) {
  RecordLayout layout{32, 32, {{"label", 10}}};
  const Path path = folder / "image_size.txt";
  if (!file_exists(path)) return layout;
  const std::string text = read_text(path, 64);
  std::istringstream in(text);
  std::string rest;
  const bool two = bool(in >> layout.height >> layout.width) && !(in >> rest);
  if (!two || std::min(layout.height, layout.width) < 1 || std::max(layout.height, layout.width) > kLargestSide)
    fail_at(path, 0, fmt::format("{:?}", text), fmt::format("height and width in 1..{}", kLargestSide));
  return layout;
}

void note_other_batches(Dataset& dataset, const Path& folder, const std::vector<std::string>& files) {
  std::vector<std::string> others;
  for (const Path& path : list_folder(folder))
    if (const std::string name = path.filename().string();
        name.starts_with("data_batch_") && std::ranges::find(files, name) == files.end())
      others.push_back(name);
  if (!others.empty())
    dataset.notes.push_back(fmt::format("{} not read, for CIFAR-10 has {} batches: {}",
                                        counted(int64_t(others.size()), "file is", "files are"), kBatches,
                                        join_first(legible(others), 3)));
}

Dataset load_cifar10(const Source& source, Options&) {
  std::vector<std::string> files;
  for (int batch = 1; batch <= kBatches; ++batch) files.push_back(batch_name(batch));
  files.push_back("test_batch.bin");
  const Path folder = find_folder("cifar10", source.dir, {"cifar-10-batches-bin"}, files, datasets::cifar10.source);
  const RecordLayout layout = layout_of(folder);

  Dataset dataset;
  Fingerprint fingerprint;
  for (const auto& file : files)
    read_records(folder / file, layout, file == files.back() ? dataset.test : dataset.train, fingerprint);
  note_other_batches(dataset, folder, files);
  dataset.fingerprint = fingerprint.hex();
  const std::vector<std::string> classes{"airplane", "automobile", "bird",  "cat",  "deer",
                                         "dog",      "frog",       "horse", "ship", "truck"};
  const Path names = folder / "batches.meta.txt";
  dataset.class_names = read_class_names(names, classes);
  const NormalizeStats published{{0.4914f, 0.4822f, 0.4465f}, {0.2471f, 0.2435f, 0.2616f}};  // of the PyTorch ports
  if (layout.height == 32 && layout.width == 32 && dataset.class_names == classes) {
    choose_normalization(dataset, published, "CIFAR-10", file_exists(names));
  } else {
    dataset.normalize = measure(dataset.train);
  }
  if (layout.height == 32 && dataset.class_names[0] == classes[0]) dataset.normalize_before = published;
  return dataset;
}

void append_notes(CsvWriter& csv, const char* split, const Dataset& dataset, const std::vector<ItemNote>& notes,
                  const std::vector<int32_t>& labels) {
  for (size_t i = 0; i < notes.size(); ++i) {
    const ItemNote& n = notes[i];
    csv.text(split).number(int64_t(i)).number(labels[i]).text(dataset.side.styles[n.style]);
    csv.number(n.duplicate_of >= 0 ? std::to_string(n.duplicate_of) : "").number(n.near_duplicate).number(n.ambiguous);
    csv.number(fmt::format("{:.4f}", n.rotation)).number(fmt::format("{:.4f}", n.contrast)).end_row();
  }
}

void check_writable(const Dataset& dataset) {
  const Images &train = dataset.train, &test = dataset.test;
  const auto labelled = [](const Images& images) {
    return std::ranges::all_of(images.labels, [](int l) { return l >= 0; });
  };
  if (train.count < kBatches || test.count < 1)
    fail(ExitCode::usage,
         fmt::format("CIFAR-10 files need at least {} training images and 1 test image; here are {} and {}", kBatches,
                     train.count, test.count));
  if (std::ranges::any_of(dataset.class_names, [](auto& n) { return n.find_first_of("\r\n") != n.npos; }))
    fail(ExitCode::usage,
         fmt::format("batches.meta.txt holds a class name a line; rename those of {} with line breaks", dataset.name));
  if (dataset.classes() != 10 || !labelled(train) || !labelled(test))
    fail(ExitCode::usage,
         fmt::format("CIFAR-10 files hold 10 classes and only labelled images; {} has {} classes{}", dataset.name,
                     dataset.classes(), labelled(train) ? "" : " and unlabelled images"));
  if (train.height != test.height || train.width != test.width || std::max(train.height, train.width) > kLargestSide)
    fail(ExitCode::usage, fmt::format("CIFAR-10 files hold images of one size up to {}; train is {}x{}, test {}x{}",
                                      kLargestSide, train.height, train.width, test.height, test.width));
}

}  // namespace

std::vector<std::string> cifar10_file_names() {
  std::vector<std::string> names{"test_batch.bin", "batches.meta.txt", "image_size.txt", "meta.csv"};
  for (int batch = 1; batch <= kBatches; ++batch) names.push_back(batch_name(batch));
  return names;
}

void encode_cifar10(const Dataset& dataset, const PutFile& put) {
  check_writable(dataset);
  const auto put_text = [&](const std::string& name, const std::string& text) {
    put(name, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  };
  const int64_t n = dataset.train.count;
  for (int batch = 0; batch < kBatches; ++batch)
    put(batch_name(batch + 1), pack_records(dataset.train, batch * n / kBatches, (batch + 1) * n / kBatches));
  put("test_batch.bin", pack_records(dataset.test, 0, dataset.test.count));
  std::string names;
  for (const auto& name : dataset.class_names) names += name + "\n";
  put_text("batches.meta.txt", names);
  if (dataset.train.height != 32 || dataset.train.width != 32)  // CIFAR-10 itself has no such file
    put_text("image_size.txt", fmt::format("{} {}\n", dataset.train.height, dataset.train.width));
  if (!dataset.side.train.empty()) {
    CsvWriter csv(
        {"split", "id", "class", "style", "duplicate_of", "near_duplicate", "ambiguous", "rotation", "contrast"});
    append_notes(csv, "train", dataset, dataset.side.train, dataset.train.labels);
    append_notes(csv, "test", dataset, dataset.side.test, dataset.test.labels);
    put_text("meta.csv", csv.str());
  }
}

namespace datasets {
const DatasetEntry cifar10 = {
    "cifar10",
    "CIFAR-10: 50,000 + 10,000 photographs, 32x32, 10 classes",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "data_batch_1.bin ... data_batch_5.bin test_batch.bin [batches.meta.txt], here or in cifar-10-batches-bin",
    "none",
    load_cifar10,
};
}  // namespace datasets

}  // namespace crc::data
