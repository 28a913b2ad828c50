// What acquisitions may look at besides features and logits: a model's stochastic passes, its head, and the classes of
// items. Arrays are .npy files of any float type, used in fp32.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/base/files.h"
#include "crc/acquisition.h"
#include "data/npy.h"
#include "kernels/core/tensor.h"

namespace crc::apps {

struct ModelPaths {
  fs::path samples, head, bias;  // [passes,items,classes], [classes,D], [classes]; empty: none
  fs::path labels;               // see read_labels
};

class ModelFiles {
 public:
  // Errors: input_missing, corrupt_data (other shapes and types), usage (a bias without a head).
  ModelFiles(Context& context, const ModelPaths& paths);

  const View<const float, 3>& samples() const { return samples_; }
  const select::Head& head() const { return head_; }
  int64_t items() const { return samples_.shape[1]; }  // 0: no samples
  int64_t classes() const;                             // 0: neither samples nor head

  // Against the other arrays, of which 0 rows or columns are none given. Error corrupt_data, naming both files.
  struct Shape {
    const fs::path& path;
    int64_t rows, columns;
  };
  void check(const Shape& features, const Shape& logits) const;

  std::vector<std::pair<std::string, std::string>> describe() const;  // name, file and shape

 private:
  template <int R>
  View<const float, R> load(Context& context, const fs::path& path, const char* what, const char* shape);
  ModelPaths paths_;
  std::vector<data::NpyArray> arrays_;  // what views in place stand in
  std::vector<Tensor> tensors_;
  std::vector<std::pair<std::string, std::string>> described_;
  View<const float, 3> samples_;
  select::Head head_;
};

// The class of each item [items], -1: unknown. A file is one of
//   .npy      integers [items], -1 for unknown
//   CSV       columns item and class_index, or class, which is a number then
//   ledger    labels.jsonl of a run, or the run's directory
// Errors, naming file and line or element: input_missing; corrupt_data.
std::vector<int32_t> read_labels(const fs::path& path, int64_t items);

}  // namespace crc::apps
