// The data of a run, which may have grown since it began. A run keeps a list of its items (pool/NNN.csv: the first one
// from its beginning, another for each time that the pool grew, which the ledger's "grow" entries count), and loaded data
// is brought to it: item k is the same file for good. What is there beyond the list (images and rows that were added,
// labels that changed) is taken when the next round begins; a round that began ends with the pool that it began with.
#pragma once

#include <string>

#include "apps/rundir/run_dir.h"
#include "data/item_list.h"

namespace crc::apps {

struct RunData {
  data::Dataset dataset;         // as the newest list has it
  data::ItemList list = {};      // empty: there is none, and nothing may change
  data::PoolGrowth growth = {};  // beyond it
};

// For those who only read the run. Errors: input_missing (data.dir is no folder: how to say where it is now);
// corrupt_data, naming the files: some are gone or changed, test or held-out images are others, something was added to
// data that cannot grow; other classes.
RunData load_run_data(const fs::path& run, RunFiles& files, const Config& config, const RunFacts& facts,
                      std::span<const Entry> entries);

// The same for the process that holds the run's lock. A run without a list gets one, and of a growth that a crash tore
// the ledger gets the rest.
RunData load_run_data(RunDir& run);

// The first list of a run that was just made of `dataset`.
void keep_first_list(RunDir& run, const data::Dataset& dataset);

// Takes what is there beyond the list into the pool from `round` on, durably: the list first, then the ledger. Whoever
// is killed in between grows again. Returns what a person should know. Error 65: no item would have a label.
std::string take_growth(RunDir& run, RunData& data, int64_t round);

}  // namespace crc::apps
