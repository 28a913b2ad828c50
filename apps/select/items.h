// Lists of item numbers, in whatever form people have them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

// The items that the files list together, in their order. A file is one of
//   .npy      integers [n], or a mask of booleans [items]
//   text      one number a line; or CSV whose first line names its columns, `item` among them
//   ledger    labels.jsonl of a run, or the run's directory
// Errors, naming file and line or element: input_missing; corrupt_data (another kind of file, an item outside
// 0..items-1 or listed twice).
std::vector<int64_t> read_item_lists(std::span<const fs::path> files, int64_t items);

struct CandidateGroups {
  int64_t size = 1;              // G
  std::vector<int64_t> members;  // [K*G]
};
CandidateGroups read_candidates(const fs::path& npy, int64_t items);  // integers [K,G]

// The items of 0..items-1 that are not in `taken`, ascending.
std::vector<int64_t> all_but(std::span<const int64_t> taken, int64_t items);

}  // namespace crc::apps
