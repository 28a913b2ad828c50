// A person's labels: a CSV file with a row per item, so that a query.csv with a column added is one. Columns:
//   item          the index of the training image (26, or 26.0 as pandas writes it); without it, `file` says which one
//   class         the class's name, exactly; or unsure, none of these, skip: there is none, and the item is not asked
//                 again; or withdraw; empty: not labelled
//   file          as in query.csv: must be the item's own, or a column was sorted alone
//   class_index   beside `class` or instead of it: the class's number, counted from 0
//   remark        where there is no class: one of those words, as the labelling page writes it, or anything else
//   who, when     who gave the answer, and when
// Other columns, one without a name among them, are not looked at.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/label/statements.h"

namespace crc::apps {

struct LabelFile {
  std::map<int64_t, Answer> answers;  // by item
  std::vector<std::string> notes;     // what a person should know: rows without a class, items that stand twice
};

// Error 65, naming the line: not such a file, a class or a number that the data set does not have, columns that
// disagree, an item outside 0..items-1, answers for an item that differ, an item with the file of another.
LabelFile read_label_file(std::string_view text, const std::string& name, const LabelNames& names,
                          Disagreement how = Disagreement::refuse);

}  // namespace crc::apps
