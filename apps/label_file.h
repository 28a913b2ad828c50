// A person's labels: a CSV file whose first line names its columns. `item` and `class` must be among them (a class by
// name or by number; empty: not labelled), so that a query.csv with a column added is one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crc::apps {

// item -> class. Error 65, naming the line: not such a file, an unknown class, an item twice.
std::map<int64_t, int64_t> read_label_file(std::string_view text, const std::string& name,
                                           const std::vector<std::string>& class_names);

// The items of a query.csv, in its order.
std::vector<int64_t> read_query_items(std::string_view text, const std::string& name);

}  // namespace crc::apps
