// Beginning a run with what another one reached (start.run): its labels and its trained model, as all methods of a
// table share one initial pool and model; or its labels alone, trained again with another seed, as the paper
// re-confirms entries (appendix B.1).
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/config.h"
#include "apps/rundir/ledger.h"
#include "apps/rundir/rounds.h"
#include "data/dataset.h"

namespace crc::apps {

struct RunStart {
  std::vector<Answer> labels;  // all of the other run through start.round, in its order: this run's round 0
  bool with_model = false;
  // With the model only:
  RoundRow row;                                 // the other's, as round 0
  std::vector<nlohmann::ordered_json> metrics;  // its evaluations, as round 0
  std::string weights, best;                    // weights.safetensors, best.safetensors

  // What it is made of, by name -> XXH3-128: another start.run of the same name would change the result.
  std::map<std::string, std::string> sums() const;
};

// The data set of a new run. With start.run's model come the statistics by which that one saw its images.
data::Dataset load_run_dataset(const Config& config);

// Nothing when start.run is empty. Error 66: no such run; 78: it has not finished that round, has other images of the
// data set in its training set (item numbers would mean other images), or its model is not what `config` describes; 65:
// it was made with other data, or a file of it is not what it wrote; 76: its weights are not finite.
std::optional<RunStart> load_start(const Config& config, const data::Dataset& dataset);

// Error 65: start.run is no longer what it was when this run began (RunFacts::start).
void check_start(const RunStart& start, const Config& config, const std::map<std::string, std::string>& began_with);

}  // namespace crc::apps
