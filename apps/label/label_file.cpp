#include "apps/label/label_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "data/csv.h"

namespace crc::apps {
namespace {

constexpr size_t kMostClasses = 100, kMostItems = 10;  // in a message
const data::CsvForm kForm{.advice = "a label file has columns item and class", .columns = {}};

// What a row says about the class.
class Classes {
 public:
  Classes(const data::CsvReader& csv, const std::vector<std::string>& names)
      : csv_(csv), names_(names), name_at_(csv.find("class")), index_at_(csv.find("class_index")) {
    if (!index_at_) (void)csv.column("class");  // neither
    for (const std::string& name : names) indices_.emplace(name, int64_t(indices_.size()));
  }
  std::optional<int64_t> of_row() const {
    const std::optional<int64_t> named = by_name(), numbered = by_index();
    if (named && numbered && *named != *numbered)
      csv_.refuse(fmt::format("class {} has index {}, and class_index is {} ({})", shown(*named), *named, *numbered,
                              shown(*numbered)));
    return named ? named : numbered;
  }
  std::string shown(int64_t class_index) const { return data::legible(names_[size_t(class_index)]); }

 private:
  std::optional<int64_t> by_name() const {
    if (!name_at_ || csv_[*name_at_].empty()) return std::nullopt;
    const std::string& name = csv_[*name_at_];
    if (const auto known = indices_.find(name); known != indices_.end()) return known->second;
    csv_.refuse(fmt::format("class {} is not one of {}{}{}", data::in_quotes(name),
                            data::join_first(data::legible(names_), kMostClasses),
                            data::did_you_mean(data::nearest(name, names_)),
                            data::parse<int64_t>(name) ? "; numbers of classes stand in a column class_index" : ""));
  }
  std::optional<int64_t> by_index() const {
    if (!index_at_ || csv_[*index_at_].empty()) return std::nullopt;
    const int64_t index = csv_.number<int64_t>(*index_at_);
    if (index < 0 || index >= int64_t(names_.size()))
      csv_.refuse(fmt::format("class_index {} is not in 0..{}", index, names_.size() - 1));
    return index;
  }

  const data::CsvReader& csv_;
  const std::vector<std::string>& names_;
  std::map<std::string, int64_t> indices_;
  std::optional<size_t> name_at_, index_at_;
};

// Whoever sorts one column of a spreadsheet alone gives every item another one's class.
void check_file(const data::CsvReader& csv, std::optional<size_t> column, int64_t item,
                const std::vector<std::string>& files) {
  if (!column || files.empty() || csv[*column].empty() || csv[*column] == files[size_t(item)]) return;
  csv.refuse(fmt::format("item {} is {}, and the row names {}: was one column sorted or pasted alone?", item,
                         data::legible(files[size_t(item)]), data::legible(csv[*column])));
}

std::string listed(const std::vector<std::string>& items) { return data::join_first(items, kMostItems); }

}  // namespace

LabelFile read_label_file(std::string_view text, const std::string& name, const std::vector<std::string>& class_names,
                          int64_t items, const std::vector<std::string>& files) {
  data::CsvReader csv(text, name, kForm);
  const size_t item_at = csv.column("item");
  const std::optional<size_t> file_at = csv.find("file");
  const Classes classes(csv, class_names);
  LabelFile file;
  std::map<int64_t, int64_t> lines;
  std::vector<std::string> without, twice;
  while (csv.next()) {
    if (csv.blank()) continue;
    const int64_t item = csv.number<int64_t>(item_at);
    if (item < 0 || item >= items)
      csv.refuse(fmt::format("item {} is not one of the training images 0..{}", item, items - 1));
    check_file(csv, file_at, item, files);
    const std::optional<int64_t> class_index = classes.of_row();
    if (!class_index) {
      without.push_back(std::to_string(item));
      continue;
    }
    const auto [at, first] = file.classes.emplace(item, *class_index);
    if (first)
      lines[item] = csv.line();
    else if (at->second == *class_index)
      twice.push_back(std::to_string(item));
    else
      csv.refuse(fmt::format("item {} is {} here and {} in line {}: it stands twice", item, classes.shown(*class_index),
                             classes.shown(at->second), lines[item]));
  }
  if (!without.empty())
    file.notes.push_back(fmt::format("{}: {} rows give no class: items {}", name, without.size(), listed(without)));
  if (!twice.empty())
    file.notes.push_back(
        fmt::format("{}: {} rows repeat an item with the same class: items {}", name, twice.size(), listed(twice)));
  return file;
}

}  // namespace crc::apps
