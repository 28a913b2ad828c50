// A person's labels: a CSV file with a row per item, so that a query.csv with a column added is one. Columns:
//   item          the index of the training image
//   class         the class's name, exactly; empty: not labelled
//   file          as in query.csv: must be the item's own, or a column was sorted alone
//   class_index   beside `class` or instead of it: the class's number, counted from 0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crc::apps {

struct LabelFile {
  std::map<int64_t, int64_t> classes;  // by item
  std::vector<std::string> notes;      // what a person should know: rows without a class, items that stand twice
};

// Error 65, naming the line: not such a file, a class or a number that the data set does not have, columns that
// disagree, an item outside 0..items-1, an item with two classes, an item with the file of another (`files` [items], if
// they have any).
LabelFile read_label_file(std::string_view text, const std::string& name, const std::vector<std::string>& class_names,
                          int64_t items, const std::vector<std::string>& files = {});

}  // namespace crc::apps
