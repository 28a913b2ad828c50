// Several runs as one experiment: grouped by acquisition, averaged over seeds.
#pragma once

#include <string>
#include <vector>

#include "apps/draw/chart.h"
#include "apps/rundir/run_record.h"

namespace crc::apps {

// Runs that differ in nothing but the seed (and where they ran).
struct RunGroup {
  std::string name;  // the acquisition; with "key=value" where other settings differ between the runs
  std::vector<const RunRecord*> runs;
  Ink ink = series_ink(0);
};

std::vector<RunGroup> group_runs(const std::vector<RunRecord>& runs);  // CRC first

struct MeanStd {
  double mean = kNone, std = kNone;  // sample standard deviation (n - 1); NaN for fewer than two
  int count = 0;
};
// "93.1 ± 0.4"; one value alone; "–" for none.
std::string percent(const MeanStd& fraction, int digits);
MeanStd mean_std(const std::vector<double>& values);

// Of one column of rounds.csv, over the group's runs that have a round with exactly so many labels.
MeanStd at_labels(const RunGroup& group, int64_t labels, double RoundRow::*column);
std::vector<int64_t> label_counts(const std::vector<RunGroup>& groups);

// The learning curve: accuracy in percent by labels in the ledger; mean, +- one standard deviation, one thin line per
// seed, and the published numbers of report.reference.
LineChart accuracy_chart(const std::vector<RunGroup>& groups, double RoundRow::*column = &RoundRow::acc_last);

bool is_crc(const std::string& name);  // the method whose lines are emphasized

// The published numbers of a run that may be of an earlier version, which did not check them: none where they cannot be
// read, and then `name` says so.
struct Reference {
  std::string name;
  std::vector<Point> points;
};
Reference reference_of(const Config& config);

}  // namespace crc::apps
