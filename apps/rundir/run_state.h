// What a run's files say together, and whether they belong together: the one function through which everybody opens a
// run, to go on with it or to read it. It takes no lock; a run may be going on meanwhile.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/config/config.h"
#include "apps/rundir/ledger.h"
#include "apps/rundir/rounds.h"
#include "apps/rundir/run_files.h"
#include "data/dataset.h"

namespace crc::apps {

// What later programs need of run.json.
struct RunFacts {
  LabelLimits limits;
  std::string data_hash, config_hash;
  std::vector<std::string> class_names;
  bool normalized = true;  // run.json says with which statistics it sees its images
  // Of start.run: what was taken from it -> XXH3-128. Empty: nothing, or not recorded.
  std::map<std::string, std::string> start;
};

struct RunState {
  nlohmann::ordered_json run;  // run.json
  RunFacts facts;
  Config config;            // with the data that moved with the run
  std::string config_text;  // config.toml with its origins
  std::vector<RoundRow> rounds;
  std::vector<Entry> entries;  // of the ledger
};

// The statistics of the data set with which a run sees its images: what its run.json recorded, or, before it did, what
// the same data had by the rule of that time. Error 65.
data::NormalizeStats run_normalization(const nlohmann::ordered_json& run, const data::Dataset& dataset);

nlohmann::ordered_json read_run_json(const fs::path& run);  // Error 66: not a run; 65: damaged

// Error 66: not a run; 65, naming the file: run.json, config.toml, rounds.csv or labels.jsonl is not what this run
// wrote, the ledger is not the one that its checkpoints were trained with, or rounds.csv claims another label count.
RunState read_run(RunFiles& files);

}  // namespace crc::apps
