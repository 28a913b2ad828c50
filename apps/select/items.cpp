#include "apps/select/items.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "apps/rundir/ledger.h"
#include "apps/rundir/run_state.h"
#include "data/csv.h"
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

// Item numbers of a run count its training set without the images that it holds out.
void check_pool(const fs::path& run, int64_t items) {
  if (!file_exists(run / "run.json")) return;
  const std::string ledger = (run / "labels.jsonl").string();
  const std::vector<Entry> entries = parse_ledger(read_named_file(ledger), ledger).entries;
  const Entry* growth = last_growth(entries);
  const int64_t theirs = growth ? growth->items : read_run_json(run).value("items", items);
  if (theirs != items)
    fail(ExitCode::corrupt_data,
         fmt::format("{0} numbers the {1} images of its pool, and the arrays have {2} rows: its items are other rows "
                     "here. Take arrays of its pool: crc_train eval --run {0} --split train --features H.npy",
                     run.string(), theirs, items));
}

List from_ledger(const fs::path& path) {
  List list{{}, [](size_t k) { return fmt::format("label {}", k + 1); }};
  for (const Label& label : standing(parse_ledger(read_named_file(path), path).entries).labels)
    list.items.push_back(label.item);
  return list;
}

List from_lines(const fs::path& path, const std::vector<std::string>& lines) {
  std::vector<int64_t> items;
  std::vector<size_t> numbers;
  for (size_t k = 0; k < lines.size(); ++k) {
    const size_t begin = lines[k].find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    const std::string_view line = std::string_view(lines[k]).substr(begin, lines[k].find_last_not_of(' ') + 1 - begin);
    const std::optional<int64_t> item = data::parse<int64_t>(line);
    if (!item)
      fail(ExitCode::corrupt_data,
           fmt::format("{}: line {} is {:?}; one item number a line is expected, or a CSV file whose first line has a "
                       "column item (with NumPy: numpy.savetxt(file, items, fmt=\"%d\"))",
                       path.string(), k + 1, line.substr(0, 60)));
    items.push_back(*item), numbers.push_back(k + 1);
  }
  return {std::move(items), [numbers](size_t k) { return fmt::format("line {}", numbers[k]); }};
}

List from_csv(const fs::path& path, std::string_view text) {
  data::CsvReader csv(text, path.string(), {.advice = "a list of items has a column item", .columns = {}});
  const size_t at = csv.column("item");
  std::vector<int64_t> items, lines;
  while (csv.next()) {
    if (csv.blank()) continue;
    items.push_back(csv.number<int64_t>(at)), lines.push_back(csv.line());
  }
  return {std::move(items), [lines](size_t k) { return fmt::format("line {}", lines[k]); }};
}

List from_text(const fs::path& path) {
  const std::string text = read_file(path);
  const bool wide = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");  // UTF-16
  if (!wide && text.find('\0') != text.npos)
    fail(ExitCode::corrupt_data, fmt::format("{} is neither an .npy array, nor text, nor a ledger; save item numbers "
                                             "with numpy.save(file, items)",
                                             path.string()));
  const std::vector<std::string> lines = data::text_lines(text, path.string());
  const auto heading = std::ranges::find_if(lines, [](auto& line) { return line.find_first_not_of(' ') != line.npos; });
  if (heading == lines.end())
    fail(ExitCode::corrupt_data,
         fmt::format("{} is empty; leave the option out if there is nothing to list", path.string()));
  return heading->find("item") == heading->npos ? from_lines(path, lines) : from_csv(path, text);
}

List read_list(const fs::path& path, int64_t items) {
  if (is_folder(path)) {
    check_pool(path, items);
    return from_ledger(path / "labels.jsonl");
  }
  if (path.filename() == "labels.jsonl") check_pool(path.parent_path(), items);
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
