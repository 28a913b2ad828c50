// What configuration and data set settle about a run, checked before any of it exists: in `run`, in --dry-run, in every
// cell of a sweep and, of what may change, on resume (docs/starting.md). What only features or people's labels can
// show is said where they are.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/config.h"
#include "data/dataset.h"

namespace crc::apps {

// The labels of a run: what the data set gives, what the first round has, and what the queries add.
struct LabelPlan {
  std::vector<int64_t> known;            // [C] training images whose label the data set has
  int64_t unknown = 0;                   // training images without one: people will be asked
  int64_t validation = 0;                // labels of the held-out images, besides all others
  int64_t first = 0;                     // labels of round 0
  std::vector<int64_t> first_per_class;  // [C]; zeros where the first query is free to choose
  int64_t queries = 0, budget = 0;       // and labels per query

  int64_t images() const;                                               // training images, labelled or not
  int64_t before_query(int64_t k) const { return first + k * budget; }  // labels; k from 0
  int64_t in_the_end() const { return before_query(queries); }
};

// By arithmetic alone, whether it is possible or not. Errors of load_start.
LabelPlan plan_labels(const Config& config, const data::Dataset& dataset);

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

// What the keys that may differ on resume (docs/config.md stars them) can make impossible: the device's precision, the
// memory for Jacobians when `labeled` images have a label, report.reference. Errors: config (78), out_of_memory (71).
void check_moves(const Config& config, const data::Dataset& dataset, int64_t labeled);

// Its lines of the plan that --dry-run prints.
std::string describe(const LabelPlan& labels, const Config& config, const data::Dataset& dataset);

}  // namespace crc::apps
