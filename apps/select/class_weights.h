// How much the classes count.
#pragma once

#include <string>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

// One number a class, 0 or more: "1,1,5", or the path of a CSV file with the columns class_index and weight. Errors:
// input_missing; corrupt_data (not each class once, a number that is negative or not finite, all of them 0).
std::vector<double> read_class_weights(const std::string& given, int64_t classes);

fs::path weights_file(const std::string& given);  // empty: it is a list

}  // namespace crc::apps
