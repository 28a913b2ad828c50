// What configuration and data set settle about a run, checked before any of it exists: in `run`, in --dry-run, in every
// cell of a sweep and, of what may change, on resume (docs/starting.md). What only features or people's labels can
// show is said where they are.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/train/plan.h"

namespace crc::apps {

// Everything. Errors: config (78), those of load_start and of check_moves.
LabelPlan check_experiment(const Config& config, const data::Dataset& dataset);

// The same for runs that are to be made together, each data set loaded once. Error of the first, after its name.
// `more` sees every one of them.
struct NamedConfig {
  std::string name;
  Config config;
};
void check_experiments(const std::vector<NamedConfig>& runs,
                       const std::function<void(size_t run, const data::Dataset&)>& more = {});

// Error config: a precision that the CPU lacks, where the CPU is what the run is on: by its device, or, if it is to run
// `here`, because "auto" finds no GPU.
void check_cpu_precision(const Config& config, bool here);

// What the keys that may differ on resume (docs/config.md stars them) can make impossible: the device's precision, the
// memory for Jacobians when `labeled` images have a label, report.reference. Errors: config (78), out_of_memory (71).
void check_moves(const Config& config, const data::Dataset& dataset, int64_t labeled);

}  // namespace crc::apps
