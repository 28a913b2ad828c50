// A study: what the runs of a sweep, or any runs, measured under which settings. All statistics are made of it, and
// it is what results/*.jsonl keep when run directories are gone: a line for the study, one for each method, one for
// each run.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/evidence/result_table.h"
#include "apps/stats/paired.h"

namespace crc::apps {

struct StudyMethod {
  std::string block = {}, name = {};  // names are distinct within a block
  Measure measure = Measure::last;
  int64_t points = 0;                                // label counts that a whole run has measured
  std::map<std::string, std::string> settings = {};  // that decide the result, as TOML; without the seed
};

struct StudyRun {
  size_t method = 0;  // of Study::methods
  int64_t trial = 0;  // runs of one trial are pairs
  int64_t seed = 0;
  std::vector<double> labels = {};                                      // counts, a curve's points
  std::array<std::vector<double>, std::size(kMeasures)> accuracy = {};  // fractions at them; NaN where not measured
  std::string first_labels = {};                                        // checksum of the items that it began with
  std::string run = {};                                                 // checksum of its ledger and rounds.csv
  std::string data = {};                                                // of the data set
  std::string version = {}, commit = {}, device = {};
  double seconds = 0;  // of computing
};

struct Study {
  std::string name = {}, title = {}, source = {};
  int64_t trials = 0;           // that there are to be
  std::string rule = {};        // by which trials were added (sweep --until); empty: their number was fixed
  std::string test_words = {};  // what was chosen by test accuracy, and that labels are noisy; empty: nothing
  std::vector<StudyMethod> methods = {};
  std::vector<StudyRun> runs = {};
};

// The trials of a sweep; with initial pools, from the first query on. Re-confirmations are none of it. `measure`: for
// all blocks in place of their own.
Study study_of(const Sweep& sweep, const std::vector<SweepRun>& runs, std::optional<Measure> measure = {});
// Any runs, by the groups of group_runs; a trial is a seed. Error usage: two runs of a group have the same.
Study study_of(const std::vector<RunRecord>& runs, Measure measure, const std::string& name);

std::string to_jsonl(const Study& study);
Study read_study(std::string_view jsonl, const std::string& name);  // Error 65 with the line

// Several as one: methods side by side where blocks have one name, or every study has but one block. Where names meet,
// all begin with their study's.
Study merge(std::vector<Study> studies);

// The methods of one block by the areas under their curves, paired by trial. A trial counts when it has measured every
// label count that all methods of the block have.
struct PairedBlock {
  std::string name = {};
  Measure measure = Measure::last;
  int64_t trials = 0;                     // that there are to be
  std::vector<double> labels = {};        // counts; empty, as the comparison: no trial is complete
  Comparison comparison = {};             // of the methods that have one
  std::vector<std::string> without = {};  // the others
  bool same_start = true;                 // runs of one trial began with the same labels
};
std::vector<PairedBlock> paired_blocks(const Study& study);

// Settings in which methods of a block differ, but for the acquisition's name, as key and "value: methods; ...".
std::vector<std::pair<std::string, std::string>> differences(const Study& study, std::string_view block);
// What of a run with these settings was chosen by test accuracy, in words; empty: nothing.
std::string chosen_on_test(const Config& config, Measure measure, bool pools);

}  // namespace crc::apps
