// Embeddings of a network that is somebody else's: one row per item instead of an image. Files are named by options, or
// have these names in the folder: train.npy, train_labels.npy, test.npy, test_labels.npy (or *_labels.csv). Classes are
// 0 to the largest label, or `classes` of them; names in a CSV file are numbered in byte order.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "data/datasets/embedding_files.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr int64_t kMostClassNumbers = 10'000;

// The file that an option names, or the first standard one that is there; empty: none.
Path named_file(const Source& source, Options& options, const char* option, std::vector<std::string> standard) {
  if (const std::string text = options.text(option); !text.empty()) return source.dir / text;
  for (const std::string& name : standard)
    if (!source.dir.empty() && file_exists(source.dir / name)) return source.dir / name;
  return {};
}

[[noreturn]] void refuse_label(const LabelColumn& labels, size_t row, const std::string& expected) {
  fail(ExitCode::corrupt_data, fmt::format("{}: the label of row {} is {}; expected {}", labels.source, row,
                                           in_quotes(labels.text[row]), expected));
}

// Numbers of the classes, which are named by numbers.
void number_classes(Dataset& dataset, const std::vector<LabelColumn>& splits, int64_t classes) {
  int64_t most = classes > 0 ? classes : 2;
  for (const LabelColumn& labels : splits)
    for (size_t row = 0; row < labels.text.size(); ++row) {
      if (labels.text[row].empty()) continue;
      const int64_t label = data::parse<int64_t>(labels.text[row]).value();
      const int64_t limit = classes > 0 ? classes : kMostClassNumbers;
      if (label < 0 || label >= limit)
        refuse_label(
            labels, row,
            fmt::format("0 to {}, or -1 where it is unknown{}", limit - 1, classes > 0 ? " (data.classes)" : ""));
      most = std::max(most, label + 1);
    }
  for (int64_t c = 0; c < most; ++c) dataset.class_names.push_back(std::to_string(c));
}

void name_classes(Dataset& dataset, const std::vector<LabelColumn>& splits, int64_t classes) {
  std::map<std::string, int32_t> names;
  for (const LabelColumn& labels : splits)
    for (size_t row = 0; row < labels.text.size(); ++row) {
      if (!is_utf8(labels.text[row])) refuse_label(labels, row, "UTF-8");
      if (!labels.text[row].empty()) names[labels.text[row]] = 0;
    }
  if (int64_t(names.size()) > kMostClassNumbers || (classes > 0 && classes != int64_t(names.size()))) {
    std::vector<std::string> list;
    for (const auto& [name, number] : names) list.push_back(in_quotes(name));
    fail(ExitCode::corrupt_data,
         fmt::format(
             "{} has {} names of classes ({}); expected {}", splits.front().source, names.size(), join_first(list, 5),
             classes > 0 ? fmt::format("{} (data.classes)", classes) : fmt::format("at most {}", kMostClassNumbers)));
  }
  for (const auto& [name, number] : names) dataset.class_names.push_back(name);
}

[[noreturn]] void refuse_open_classes() {
  fail(ExitCode::config, "embeddings: without labels the number of classes is open; set data.classes, or data.labels");
}

void take_labels(Dataset& dataset, const std::vector<LabelColumn>& splits, int64_t classes) {
  const auto known = [](const LabelColumn& labels) {
    return std::ranges::any_of(labels.text, [](const std::string& text) { return !text.empty(); });
  };
  if (classes == 0 && std::ranges::none_of(splits, known)) refuse_open_classes();
  bool numbers = true;
  for (const LabelColumn& labels : splits) numbers = numbers && labels.numbers;
  numbers ? number_classes(dataset, splits, classes) : name_classes(dataset, splits, classes);
  std::map<std::string, int32_t> number;
  for (const std::string& name : dataset.class_names) number.emplace(name, int32_t(number.size()));
  if (numbers)  // "10" comes before "9" by bytes
    for (auto& [name, value] : number) value = data::parse<int32_t>(name).value();
  else
    for (int32_t next = 0; auto& [name, value] : number) value = next++;
  for (size_t s = 0; s < splits.size(); ++s) {
    Images& images = s == 0 ? dataset.train : dataset.test;
    images.labels.clear();
    for (const std::string& text : splits[s].text) {
      const std::string plain = numbers && !text.empty() ? std::to_string(data::parse<int64_t>(text).value()) : text;
      images.labels.push_back(text.empty() ? -1 : number.at(plain));
    }
  }
}

void check_view(const Path& path, const Rows& rows, int64_t count, int64_t width, const Path& features) {
  if ((count > 0 && rows.count != count) || rows.width != width)
    fail(ExitCode::corrupt_data,
         fmt::format("{} is [{},{}], and {} is [{},{}]: {} must agree", path.string(), rows.count, rows.width,
                     features.string(), count > 0 ? fmt::format("{}", count) : "N", width,
                     rows.width != width ? "the widths" : "the rows"));
}

// Those by which all are scaled: of a pool that grew, the rows that it began with.
Rows first_rows(const Rows& rows, int64_t count) {
  if (count == 0 || count >= rows.count) return rows;
  return {count, rows.width, {rows.values.begin(), rows.values.begin() + count * rows.width}};
}

Images take_rows(Rows rows) {
  Images images;
  images.count = rows.count;
  images.features = rows.width;
  images.labels.assign(size_t(rows.count), -1);
  images.views.push_back(std::move(rows.values));
  return images;
}

Dataset load_embeddings(const Source& source, Options& options) {
  const Path features = named_file(source, options, "features", {"train.npy", "features.npy"});
  const Path labels = named_file(source, options, "labels", {"train_labels.npy", "labels.npy", "labels.csv"});
  const Path test = named_file(source, options, "test_features", {"test.npy"});
  const Path test_labels = named_file(source, options, "test_labels", {"test_labels.npy", "test_labels.csv"});
  const int64_t classes = options.integer("classes", 0, 2, kMostClassNumbers);
  const std::string scaling = options.choice("scaling", kScalings);
  std::vector<Path> more;
  if (options.text("view2").empty() && !options.text("view3").empty())
    fail(ExitCode::config, "embeddings: data.view3 is a third view, and there is no second; set data.view2");
  for (const char* option : {"view2", "view3"})
    if (const std::string text = options.text(option); !text.empty()) more.push_back(source.dir / text);
  if (features.empty())
    find_folder("embeddings", source.dir, {}, {"train.npy"},
                "your own network, [items,features]; or name the file itself: data.features = \"H.npy\"");
  if (!test_labels.empty() && test.empty())
    fail(ExitCode::input_missing, fmt::format("embeddings: {} has labels of test items, and there are no features of "
                                              "them; set data.test_features",
                                              test_labels.string()));
  if (labels.empty() && test_labels.empty() && classes == 0) refuse_open_classes();

  Dataset dataset;
  Fingerprint fingerprint;
  Rows rows = read_rows(features, fingerprint);
  const int64_t count = rows.count, width = rows.width;
  dataset.scaling = std::make_shared<const RowScaling>(scaling, first_rows(rows, source.scaled_rows));
  const RowScaling& scale = *dataset.scaling;
  fingerprint.add(scaling);
  scale.apply(rows.values);
  dataset.train = take_rows(std::move(rows));
  for (const Path& path : more) {
    Rows view = read_rows(path, fingerprint);
    check_view(path, view, count, width, features);
    scale.apply(view.values);
    dataset.train.views.push_back(std::move(view.values));
  }
  dataset.test = Images{.pixels = {}, .labels = {}, .features = width, .views = {{}}};
  if (!test.empty()) {
    Rows test_rows = read_rows(test, fingerprint);
    check_view(test, test_rows, 0, width, features);
    scale.apply(test_rows.values);
    dataset.test = take_rows(std::move(test_rows));
  }
  std::vector<LabelColumn> columns(1, {labels.string(), std::vector<std::string>(size_t(count))});
  if (!labels.empty()) columns[0] = read_labels(labels, count, fingerprint);
  if (!test_labels.empty()) columns.push_back(read_labels(test_labels, dataset.test.count, fingerprint));
  take_labels(dataset, columns, classes);
  fingerprint.add(std::to_string(dataset.classes()));
  dataset.fingerprint = fingerprint.hex();
  dataset.normalize = {{0, 0, 0}, {1, 1, 1}};
  dataset.normalize_source = fmt::format("embeddings, data.scaling = \"{}\"", scaling);
  return dataset;
}

}  // namespace

void attach_embeddings(Dataset& dataset, const Path& path, const std::string& scaling) {
  if (dataset.train.features > 0)
    fail(ExitCode::config, "data.embeddings is for images: the items of \"embeddings\" are embeddings already");
  Fingerprint fingerprint;
  fingerprint.add(dataset.fingerprint);
  Rows rows = read_rows(path, fingerprint);
  if (rows.count != dataset.train.count)
    fail(ExitCode::corrupt_data, fmt::format("{} is [{},{}], and {} has {} training images; give one row for each",
                                             path.string(), rows.count, rows.width, dataset.name, dataset.train.count));
  fingerprint.add(scaling);
  RowScaling(scaling, rows).apply(rows.values);
  dataset.train.features = rows.width;
  dataset.train.views.push_back(std::move(rows.values));
  dataset.fingerprint = fingerprint.hex();
}

namespace datasets {
const DatasetEntry embeddings = {
    "embeddings",
    "your own embeddings: rows of a frozen network's features instead of images",
    "your own",
    "train.npy [N,D] and perhaps train_labels.npy, test.npy, test_labels.npy; or files named by data.features, "
    "data.labels, data.test_features, data.test_labels, data.view2, data.view3",
    "none",
    load_embeddings,
};
}  // namespace datasets

}  // namespace crc::data
