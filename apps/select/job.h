// One selection, from files to files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/select/model_files.h"
#include "crc/acquisition.h"
#include "kernels/core/ranks.h"

namespace crc::apps {

struct SelectJob {
  std::vector<fs::path> features, logits;                    // read; several are row ranges of one array; empty: none
  std::string dtype;                                         // "bf16": what their uint16 arrays hold
  ModelPaths model;                                          // read
  fs::path candidates, images;                               // read; empty: none
  std::vector<fs::path> labeled, unlabeled;                  // read; lists add up
  fs::path out, scores, groups, represents, summary, sheet;  // written
  std::string class_weights;                                 // a list or a CSV file; empty: none
  int64_t per_cluster = 0, quota = 0;  // clusters whose picks have a quota, 0: predicted classes; most picks of each
  bool force = false;                  // replace what exists
  fs::path checkpoint;                 // folder of what completed passes brought; empty: none
  std::string device = "auto";
  int threads = 0;
  int64_t classes = 0;  // 0: columns of the logits
  select::Config config;
  std::string command;  // how to make it again
};

// Everything is checked before the scoring starts that can be: names of outputs, arrays, lists. The picks are committed
// first. Returns what the terminal shows. Errors: docs/selecting.md.
// With several processes the rank 0 alone writes, and returns anything; collective.
std::string run_select(const SelectJob& job, Ranks& ranks);

std::string shell_words(std::span<char* const> arguments);  // quoted where a shell needs it

}  // namespace crc::apps
