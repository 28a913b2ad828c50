// rounds.csv: one row per finished round, for plotting. Rewritten whole, atomically.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // an empty cell

struct RoundRow {
  int64_t round = 0;
  int64_t labels = 0;         // from the ledger
  double acc_last = kNone;    // test accuracy after the last epoch, in [0, 1], as all accuracies
  double acc_median = kNone;  // median of the last eval.last evaluations
  double acc_best = kNone;    // best on the test set: what the paper's code bases report
  double acc_val = kNone;     // test accuracy where a validation split was best
  double balanced_acc = kNone;
  double ece = kNone;          // expected calibration error
  double pseudo_rate = kNone;  // of the unlabelled pool, unaugmented: share with a confidence of ssl.threshold or more
  double pseudo_acc = kNone;   // accuracy of those
  double loss = kNone;
  double lambda_min = kNone;  // smallest eigenvalue of the labels with the chosen groups
  int64_t epochs = 0;
  double train_s = kNone, query_s = kNone;
  // Of the labels, by eval.cross_validation, and its interval (95 %, Wilson). Files have these columns where a row does.
  double acc_cv = kNone, acc_cv_low = kNone, acc_cv_high = kNone;
};

double mean_of_known(const std::vector<double>& values);  // of those that are numbers; kNone: none is

// Wilson's interval of a share at 95 %.
struct WilsonInterval {
  double low, high;
};
WilsonInterval wilson(int64_t hits, int64_t of);

class RunFiles;

// Of the parts of a round's cross-validation, as they are done: rounds/NN/folds.json.
class FoldResults {
 public:
  FoldResults(RunFiles& files, int64_t round, int64_t folds);
  int64_t done() const { return int64_t(parts_.size()); }
  void add(int64_t right, int64_t items);
  void fill(RoundRow& row) const;

 private:
  struct Part {
    int64_t right, items;
  };
  RunFiles& files_;
  std::string name_;
  int64_t folds_;
  std::vector<Part> parts_;
};

std::string rounds_to_csv(const std::vector<RoundRow>& rows);
std::vector<RoundRow> rounds_from_csv(std::string_view text, const std::string& name);  // Error 65 with the line

}  // namespace crc::apps
