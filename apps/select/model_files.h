// What acquisitions may look at besides features and logits: a model's stochastic passes, its head, and the classes of
// items. Arrays are .npy files of any float type, used in fp32.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "apps/base/files.h"
#include "crc/select.h"
#include "data/npy.h"

namespace crc::apps {

struct ModelPaths {
  fs::path samples, head, bias;  // [passes,items,classes], [classes,D], [classes]; empty: none
  fs::path labels;               // see read_labels
};

class ModelFiles {
 public:
  // Reads headers alone. Errors: input_missing, corrupt_data (other ranks and types).
  explicit ModelFiles(const ModelPaths& paths);

  // They point into the files, which this keeps open.
  const crc_active::Array& samples() const { return samples_; }
  const crc_active::Array& head() const { return head_; }
  const crc_active::Array& bias() const { return bias_; }
  const std::vector<std::pair<std::string, std::string>>& describe() const { return described_; }  // name, file, shape

 private:
  crc_active::Array open(const fs::path& path, const char* what, size_t rank, const char* shape);
  std::vector<data::NpyArray> files_;
  std::vector<std::pair<std::string, std::string>> described_;
  crc_active::Array samples_, head_, bias_;
};

// The class of each item [items], -1: unknown. A file is one of
//   .npy      integers [items], -1 for unknown
//   CSV       columns item and class_index, or class, which is a number then
//   ledger    labels.jsonl of a run, or the run's directory
// Errors, naming file and line or element: input_missing; corrupt_data.
std::vector<int32_t> read_labels(const fs::path& path, int64_t items);

}  // namespace crc::apps
