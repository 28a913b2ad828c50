// What a run asks people, and their answers: what `label` and a host program do.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/rundir/run_dir.h"
#include "data/dataset.h"

namespace crc::apps {

// A run that waits for labels; holds its lock.
struct WaitingRun {
  RunDir directory;
  data::Dataset dataset;
  Query query;
};
// Errors: usage (it does not wait), waiting_for_labels (an earlier version did not record the items), those of
// RunDir::open and check_data.
WaitingRun open_waiting(const fs::path& run, const std::vector<std::string>& settings);

struct AnswerSource {
  std::string ledger;  // what the ledger calls it
  std::string name;    // the file, or what stands for it in messages
  std::string word;    // "the file"
};

// Records the answers to the whole query, or nothing: `classes` by item, and where they are silent the data set's own
// labels. `note` hears what a person should know: items that were not asked for, other classes than the data set's.
// Whoever called marks the run as labelled. Error waiting_for_labels: items have no label.
std::vector<Answer> record_answers(WaitingRun& run, const std::map<int64_t, int64_t>& classes,
                                   const AnswerSource& source, const std::function<void(const std::string&)>& note);
void mark_labelled(WaitingRun& run);

}  // namespace crc::apps
