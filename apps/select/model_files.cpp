#include "apps/select/model_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/rundir/ledger.h"
#include "apps/rundir/run_state.h"
#include "data/csv.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int64_t kRowsPerBlock = 1 << 12;  // converted at a time

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
  int64_t line = 0;
  for (const Label& label : parse_ledger(read_named_file(ledger), ledger).labels)
    list.set(label.item, label.class_index, fmt::format("line {}", ++line));
}

void labels_from_csv(LabelList& list) {
  data::CsvReader csv(read_file(list.path), list.path.string(),
                      {.advice = "labels are a CSV file with columns item and class (a number), an .npy array of "
                                 "integers or a run's ledger",
                       .columns = {}});
  const size_t item = csv.column("item");
  const std::optional<size_t> index = csv.find("class_index");
  const size_t at = index ? *index : csv.column("class");
  while (csv.next())
    if (!csv.blank() && !csv[at].empty())
      list.set(csv.number<int64_t>(item), csv.number<int64_t>(at), fmt::format("line {}", csv.line()));
}

}  // namespace

ModelFiles::ModelFiles(Context& context, const ModelPaths& paths) : paths_(paths) {
  if (paths.head.empty() && !paths.bias.empty()) fail(ExitCode::usage, "--bias is the head's: give --head too");
  samples_ = load<3>(context, paths.samples, "samples", "[passes,items,classes]");
  head_.weight = load<2>(context, paths.head, "head", "[classes,D]");
  head_.bias = load<1>(context, paths.bias, "bias", "[classes]");
  if (head_.bias.size() > 0 && head_.bias.shape[0] != head_.weight.shape[0])
    fail(ExitCode::corrupt_data, fmt::format("{} holds {} biases and {} is a head of {} classes", paths.bias.string(),
                                             head_.bias.shape[0], paths.head.string(), head_.weight.shape[0]));
}

int64_t ModelFiles::classes() const { return head_.weight.size() > 0 ? head_.weight.shape[0] : samples_.shape[2]; }

template <int R>
View<const float, R> ModelFiles::load(Context& context, const fs::path& path, const char* what, const char* shape) {
  if (path.empty()) return {};
  data::NpyArray array = data::read_npy(path);
  described_.emplace_back(what, path.string() + " " + array.describe());
  if (array.shape.size() != R || array.size() == 0 || !data::is_float(array.type))
    fail(ExitCode::corrupt_data,
         fmt::format("{} holds {}; {} are floats {}", path.string(), array.describe(), what, shape));
  if (array.fortran_order && R == 3)
    fail(ExitCode::corrupt_data, fmt::format("{} holds {}; save it in C order: numpy.save(file, "
                                             "numpy.ascontiguousarray(array))",
                                             path.string(), array.describe()));
  View<const float, R> view;
  std::ranges::copy(array.shape, view.shape);
  view.device = context.device(), view.name = what;
  const auto in_place = array.in_place<float>();
  if (in_place && context.device().kind == DeviceKind::cpu) {
    view.data = in_place->data();
    arrays_.push_back(std::move(array));
    return view;
  }
  const int64_t columns = array.shape.back();
  array.shape = {array.size() / columns, columns};  // rows of the last dimension, one after the other
  tensors_.emplace_back(context, array.shape, Dtype::f32, what);
  const auto rows = tensors_.back().template view<float, 2>();
  std::vector<float> block(size_t(kRowsPerBlock * columns));
  for (int64_t begin = 0; begin < rows.shape[0]; begin += kRowsPerBlock) {
    const int64_t end = std::min(rows.shape[0], begin + kRowsPerBlock);
    array.read_rows(begin, end, block.data());
    context.copy_in(rows.slice(begin, end), block.data());
  }
  view.data = rows.data;
  return view;
}

void ModelFiles::check(const Shape& features, const Shape& logits) const {
  const auto differ = [](const fs::path& a, int64_t x, const fs::path& b, int64_t y, const char* what) {
    if (x > 0 && y > 0 && x != y)
      fail(ExitCode::corrupt_data, fmt::format("{} has {} {} and {} has {}", a.string(), x, what, b.string(), y));
  };
  for (const Shape& array : {features, logits}) differ(paths_.samples, items(), array.path, array.rows, "items");
  differ(paths_.samples, samples_.shape[2], logits.path, logits.columns, "classes");
  differ(paths_.head, head_.weight.shape[0], logits.path, logits.columns, "classes");
  differ(paths_.head, head_.weight.shape[0], paths_.samples, samples_.shape[2], "classes");
  differ(paths_.head, head_.weight.shape[1], features.path, features.columns, "features");
}

std::vector<std::pair<std::string, std::string>> ModelFiles::describe() const { return described_; }

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
