// What a run asks people, and their answers: what `label` and a host program do.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/label/journal.h"
#include "apps/rundir/run_dir.h"
#include "data/dataset.h"

namespace crc::apps {

// A run that waits for labels, or has just got them all and did not train on them yet; holds its lock.
struct WaitingRun {
  RunDir directory;
  data::Dataset dataset;
  Query query;
  Journal journal;
  bool answered = false;  // all of the query: what was said may still change, before training begins
};
enum class Wants { answers, corrections };  // corrections: a run that is answered will do
// Errors: usage (it does not wait), waiting_for_labels (an earlier version did not record the items), those of
// RunDir::open and load_run_data.
WaitingRun open_waiting(const fs::path& run, const std::vector<std::string>& settings, Wants wants = Wants::answers);

struct AnswerSource {
  std::string ledger;  // what the ledger calls it
  std::string name;    // the file, or what stands for it in messages
  std::string word;    // "the file"
};

struct AnswerRules {
  bool partial = false;    // some items may stay open; their answers are kept in the query's journal
  bool skip_rest = false;  // what is open then is closed without a class
  bool correct = false;    // items of earlier queries may get another class, or lose theirs
  bool ask_again = false;  // items that were skipped may be asked again
};

struct Recorded {
  std::vector<Answer> given;  // the whole query's, once nothing of it is open
  std::vector<int64_t> open;  // its items of which nobody said anything
  int64_t corrected = 0;      // items labelled or skipped before
};

// Records answers, by item, and where they are silent about an item of the query the data set's own labels: the whole
// query or, unless `partial`, nothing. An answer of neither class nor word takes back what was said. Corrections hold
// from the next round that trains. `note` hears what a person should know: items that were not asked for, other
// classes than the data set's. Whoever called marks the run as labelled when nothing is open. Errors, with nothing
// recorded: waiting_for_labels (items have no answer, and not `partial`), corrupt_data (no label would be left).
Recorded record_answers(WaitingRun& run, const std::map<int64_t, Answer>& answers, const AnswerSource& source,
                        const AnswerRules& rules, const std::function<void(const std::string&)>& note);

// The answers of a journal that is complete, of a process that was killed before it could say so in the ledger.
void settle_answers(RunDir& directory, const data::Dataset& dataset);

void mark_labelled(WaitingRun& run);

}  // namespace crc::apps
