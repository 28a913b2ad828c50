#include "apps/select/items.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <string_view>

#include "apps/label_file.h"
#include "apps/ledger.h"
#include "apps/run_files.h"
#include "data/npy.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

// What one file lists, and where entry k stands in it.
struct List {
  std::vector<int64_t> items;
  std::function<std::string(size_t k)> place;
};

std::string element(size_t k) { return fmt::format("element {}", k); }

std::vector<int64_t> integers(const data::NpyArray& array) {
  std::vector<int64_t> values(size_t(array.size()));
  array.read_rows(0, array.shape[0], values.data());
  return values;
}

List from_mask(const fs::path& path, const data::NpyArray& array, int64_t items) {
  if (array.shape[0] != items)
    fail(ExitCode::corrupt_data, fmt::format("{} is a mask of {} booleans for {} items; it needs one for each row of "
                                             "the features",
                                             path.string(), array.shape[0], items));
  List list{{}, element};
  for (int64_t k = 0; k < items; ++k)
    if (array.bytes[size_t(k)]) list.items.push_back(k);
  return list;
}

List from_npy(const fs::path& path, int64_t items) {
  const data::NpyArray array = data::read_npy(path);
  const bool flat = array.shape.size() == 1;
  if (flat && array.size() == 0) return {{}, element};  // numpy.array([]) is an empty list of floats
  if (flat && array.type == data::NpyType::boolean) return from_mask(path, array, items);
  if (flat && data::is_integer(array.type)) return {integers(array), element};
  fail(ExitCode::corrupt_data,
       fmt::format("{} holds {}; item numbers are integers [n] or a mask of booleans [items]: {}", path.string(),
                   array.describe(),
                   flat ? "convert it with array.astype(\"<i8\"), or array.astype(bool) if it is a mask"
                        : "flatten it with array.ravel()"));
}

List from_ledger(const fs::path& path) {
  List list{{}, [](size_t k) { return fmt::format("line {}", k + 1); }};
  for (const Label& label : parse_ledger(read_named_file(path), path).labels) list.items.push_back(label.item);
  return list;
}

bool is_number(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

List from_lines(const fs::path& path, std::string_view text) {
  std::vector<int64_t> items;
  std::vector<size_t> lines;
  size_t number = 0;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (line.empty()) continue;
    int64_t item = 0;
    if (!is_number(line, item))
      fail(ExitCode::corrupt_data,
           fmt::format("{}: line {} is {:?}; one item number a line is expected, or a CSV file whose first line has a "
                       "column item (with NumPy: numpy.savetxt(file, items, fmt=\"%d\"))",
                       path.string(), number, line.substr(0, 60)));
    items.push_back(item), lines.push_back(number);
  }
  return {std::move(items), [lines](size_t k) { return fmt::format("line {}", lines[k]); }};
}

List from_text(const fs::path& path) {
  const std::string text = read_file(path);
  if (text.find_first_not_of(" \r\n") == text.npos)
    fail(ExitCode::corrupt_data,
         fmt::format("{} is empty; leave the option out if there is nothing to list", path.string()));
  if (text.find('\0') != text.npos)
    fail(ExitCode::corrupt_data, fmt::format("{} is neither an .npy array, nor text, nor a ledger; save item numbers "
                                             "with numpy.save(file, items)",
                                             path.string()));
  const std::string_view heading = std::string_view(text).substr(0, text.find('\n'));
  if (heading.find("item") == heading.npos) return from_lines(path, text);
  return {read_query_items(text, path.string()), [](size_t k) { return fmt::format("line {}", k + 2); }};
}

List read_list(const fs::path& path, int64_t items) {
  if (is_folder(path)) return from_ledger(path / "labels.jsonl");
  const data::MappedFile file = data::map_file(path);
  const std::string_view start(reinterpret_cast<const char*>(file.bytes.data()),
                               std::min<size_t>(6, file.bytes.size()));
  if (start.starts_with("\x93NUMPY") || start.starts_with("PK") || path.extension() == ".npy")
    return from_npy(path, items);
  if (start.starts_with("{") || path.extension() == ".jsonl") return from_ledger(path);
  return from_text(path);
}

[[noreturn]] void refuse_range(const fs::path& path, const std::string& place, int64_t item, int64_t items) {
  fail(ExitCode::corrupt_data, fmt::format("{}: {}: item {} is {}; items are row numbers from 0 to {}", path.string(),
                                           place, item, item < 0 ? "negative" : "outside the rows", items - 1));
}

}  // namespace

std::vector<int64_t> read_item_lists(std::span<const fs::path> files, int64_t items) {
  std::vector<int64_t> all;
  std::vector<int32_t> seen(size_t(items), -1);  // in which file
  for (size_t f = 0; f < files.size(); ++f) {
    const List list = read_list(files[f], items);
    for (size_t k = 0; k < list.items.size(); ++k) {
      const int64_t item = list.items[k];
      if (item < 0 || item >= items) refuse_range(files[f], list.place(k), item, items);
      int32_t& first = seen[size_t(item)];
      if (first >= 0)
        fail(ExitCode::corrupt_data,
             fmt::format("{}: {}: item {} is there twice{}; list every item once{}", files[f].string(), list.place(k),
                         item, first == int32_t(f) ? "" : ", first in " + files[size_t(first)].string(),
                         int64_t(list.items.size()) == items ? " (a mask is an array of type bool)" : ""));
      first = int32_t(f);
      all.push_back(item);
    }
  }
  return all;
}

CandidateGroups read_candidates(const fs::path& npy, int64_t items) {
  const data::NpyArray array = data::read_npy(npy);
  if (array.shape.size() != 2 || array.size() == 0 || !data::is_integer(array.type))
    fail(ExitCode::corrupt_data, fmt::format("{} holds {}; candidate groups are integers [groups,G]: convert it with "
                                             "array.astype(\"<i8\"), one group a row",
                                             npy.string(), array.describe()));
  CandidateGroups groups{array.shape[1], integers(array)};
  for (size_t k = 0; k < groups.members.size(); ++k)
    if (const int64_t item = groups.members[k]; item < 0 || item >= items)
      refuse_range(npy, fmt::format("group {}", int64_t(k) / groups.size), item, items);
  return groups;
}

std::vector<int64_t> all_but(std::span<const int64_t> taken, int64_t items) {
  std::vector<bool> is_taken(size_t(items), false);
  for (int64_t item : taken) is_taken[size_t(item)] = true;
  std::vector<int64_t> others;
  for (int64_t item = 0; item < items; ++item)
    if (!is_taken[size_t(item)]) others.push_back(item);
  return others;
}

}  // namespace crc::apps
