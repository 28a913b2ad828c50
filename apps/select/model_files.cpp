#include "apps/select/model_files.h"

#include <fmt/format.h>

#include <optional>

#include "apps/rundir/ledger.h"
#include "apps/rundir/run_state.h"
#include "apps/select/row_file.h"
#include "data/csv.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

// Class labels one by one: checked, and none twice.
struct LabelList {
  const fs::path& path;
  std::vector<int32_t> classes;

  LabelList(const fs::path& file, int64_t items) : path(file), classes(size_t(items), -1) {}
  void set(int64_t item, int64_t label, const std::string& place) {
    if (item < 0 || item >= int64_t(classes.size()))
      refuse(place, fmt::format("item {} is not in 0..{}", item, classes.size() - 1));
    if (label < -1 || label > INT32_MAX)
      refuse(place,
             fmt::format("class {} of item {} is not a class: they count from 0, and -1 is unknown", label, item));
    if (classes[size_t(item)] >= 0) refuse(place, fmt::format("item {} is there twice", item));
    classes[size_t(item)] = int32_t(label);
  }
  [[noreturn]] void refuse(const std::string& place, const std::string& what) const {
    fail(ExitCode::corrupt_data, fmt::format("{}: {}: {}", path.string(), place, what));
  }
};

void labels_from_npy(LabelList& list) {
  const data::NpyArray array = data::read_npy(list.path);
  const int64_t items = int64_t(list.classes.size());
  if (array.shape.size() != 1 || !data::is_integer(array.type) || array.shape[0] != items)
    fail(ExitCode::corrupt_data,
         fmt::format("{} holds {}; labels are integers [{}], the class of each item, -1 where it is unknown",
                     list.path.string(), array.describe(), items));
  std::vector<int64_t> values(size_t(items), 0);
  array.read_rows(0, items, values.data());
  for (int64_t item = 0; item < items; ++item) list.set(item, values[size_t(item)], fmt::format("element {}", item));
}

void labels_from_ledger(LabelList& list, const fs::path& ledger) {
  int64_t place = 0;
  for (const Label& label : standing(parse_ledger(read_named_file(ledger), ledger).entries).labels)
    list.set(label.item, label.class_index, fmt::format("label {}", ++place));
}

void labels_from_csv(LabelList& list) {
  data::CsvReader csv(read_file(list.path), list.path.string(),
                      {.advice = "labels are a CSV file with columns item and class (a number), an .npy array of "
                                 "integers or a run's ledger",
                       .columns = {}});
  const size_t item = csv.column("item");
  const size_t at = csv.column_of({"class_index", "class", "label"});
  while (csv.next())
    if (!csv.blank() && !csv[at].empty())
      list.set(csv.number<int64_t>(item), csv.number<int64_t>(at), fmt::format("line {}", csv.line()));
}

}  // namespace

ModelFiles::ModelFiles(const ModelPaths& paths)
    : samples_(open(paths.samples, "samples", 3, "[passes,items,classes]")),
      head_(open(paths.head, "head", 2, "[classes,D]")),
      bias_(open(paths.bias, "bias", 1, "[classes]")) {}

crc_active::Array ModelFiles::open(const fs::path& path, const char* what, size_t rank, const char* shape) {
  if (path.empty()) return {};
  data::NpyArray array = data::read_npy(path);
  described_.emplace_back(what, path.string() + " " + array.describe());
  if (array.shape.size() != rank || array.size() == 0 || !data::is_float(array.type))
    fail(ExitCode::corrupt_data,
         fmt::format("{} holds {}; {} are floats {}", path.string(), array.describe(), what, shape));
  files_.push_back(std::move(array));
  return array_of(files_.back(), path);
}

std::vector<int32_t> read_labels(const fs::path& path, int64_t items) {
  LabelList list(path, items);
  if (is_folder(path))
    labels_from_ledger(list, path / "labels.jsonl");
  else if (path.extension() == ".jsonl")
    labels_from_ledger(list, path);
  else if (path.extension() == ".npy")
    labels_from_npy(list);
  else
    labels_from_csv(list);
  return list.classes;
}

}  // namespace crc::apps
