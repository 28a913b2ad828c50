// Rows of numbers from .npy files, and labels from .npy or CSV files.
#pragma once

#include "data/dataset.h"

namespace crc::data {

struct Rows {
  int64_t count = 0, width = 0;
  std::vector<float> values;  // [count,width], finite
};
// [N,D], N and D at least 1, fp16, fp32 or fp64. Errors: input_missing; corrupt_data (another shape or type, a number
// that is not finite in fp32: names the row).
Rows read_rows(const Path& path, Fingerprint& fingerprint);

// What becomes of rows, by those of training: `standard` gives every feature mean 0 and standard deviation 1; `center`
// moves the mean to 0 and divides all features by one number, so that an entry's mean square is 1; `unit` gives every
// row the length sqrt(D), so that this holds for each row. A constant feature and a row of zeros become zeros.
inline const std::vector<std::string> kScalings{"center", "standard", "unit", "none"};

class RowScaling {
 public:
  RowScaling(const std::string& scaling, const Rows& train);
  void apply(std::vector<float>& rows) const;  // [N,D]
  const std::string& name() const { return scaling_; }
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& factor() const { return factor_; }

 private:
  std::string scaling_;
  int64_t width_;
  std::vector<double> mean_, factor_;  // [D]; empty: by row
};

// One label per row, as its file says it: a number, or a name (CSV); "" or -1: unknown.
struct LabelColumn {
  std::string source;             // the file's path
  std::vector<std::string> text;  // [N]
  bool numbers = true;            // all known ones are whole numbers
};
// .npy [N] of integers; or CSV with a column "label" (or "class") and perhaps "item", without which rows are in order.
// Errors: input_missing; corrupt_data (not `count` labels, another type, an item twice).
LabelColumn read_labels(const Path& path, int64_t count, Fingerprint& fingerprint);

}  // namespace crc::data
