// What crc_bench says: a table for people, the same fields as JSON lines, and the comparison with an older run.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/ceilings.h"

namespace crc::bench {

struct Result {
  std::string op, shape;
  Timing timing;
  double gflops = 0;        // GFLOP/s; 0: the case counts none
  double gbytes = 0;        // GB/s; 0: the case counts none
  double percent = 0;       // of what the roofline allows; above 100 where caches hold the data
  double images_per_s = 0;  // 0: does not apply
  std::string bound = "-";  // "compute" or "memory"
  double per_s = 0;         // repeats per second: steps/s of a training step

  std::string name() const { return op + " " + shape; }
};
Result result_of(const Case& c, const Timing& timing, const Ceilings& ceilings);

// A measured step and its parts, each measured on its own.
struct Breakdown {
  std::string whole;
  double us = 0, per_s = 0, images_per_s = 0;
  std::vector<std::pair<std::string, double>> parts;  // name, us
  double rest_us() const;  // what the parts do not explain; negative: they overlap, or the machine wandered
};
// Of the cases that were measured, those with all their parts.
std::vector<Breakdown> breakdowns(const std::vector<Case>& cases, const std::map<std::string, Result>& results);

struct Comparison {
  double ratio = 1;          // old time / new time: above 1 is faster now
  bool significant = false;  // the medians differ by more than both standard deviations together
};
Comparison compare(const Result& old, const Result& now);

std::string table_header(bool comparing);
std::string table_row(const Result& result);
std::string comparison_columns(const Comparison& comparison);  // to append to a row
std::string describe(const Breakdown& breakdown);

nlohmann::json to_json(const Result& result);
nlohmann::json to_json(const Ceilings& ceilings);
nlohmann::json to_json(const Breakdown& breakdown);
Result result_from_json(const nlohmann::json& line);

// The cases of a --json file by name, and what it says of its machine.
struct Baseline {
  std::string machine;
  std::map<std::string, Result> results;
};
// Errors: input_missing, corrupt_data with the line number.
Baseline read_baseline(const std::string& path);

}  // namespace crc::bench
