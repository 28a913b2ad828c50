// What picks stand for: every item of the pool belongs to the nearest item that is labelled or picked, by Euclidean
// distance on the features as they are.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "crc/acquisition.h"

namespace crc::select {

struct Represented {
  std::vector<int64_t> items;     // [M] ids, ascending
  std::vector<int64_t> by;        // [M] the nearest labelled or picked item; a labelled or picked one is its own
  std::vector<double> distances;  // [M] to it
  std::vector<double> before;     // [M] to the nearest labelled one alone; infinite if none is labelled
};

// How many items one stands for, itself among them, and how far away they are.
struct Standing {
  int64_t items = 0;
  double mean = 0, largest = 0;
};
std::map<int64_t, Standing> standings(const Represented& represented);  // by labelled or picked item

// Of equally near ones a labelled one goes before a pick, and then the smaller id. Lists ascending. Errors: those of read_features.
Represented represent(Context& context, const Problem& problem, const Config& config, std::span<const int64_t> picks);

}  // namespace crc::select
