// The labels of a run, counted before it starts: what the data set gives, what the first round has, what queries add.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/config.h"
#include "apps/run_start.h"
#include "data/dataset.h"

namespace crc::apps {

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

// By arithmetic alone, whether it is possible or not. `start` is what start.run gives.
LabelPlan plan_labels(const Config& config, const data::Dataset& dataset, const std::optional<RunStart>& start);

// How the first labels come about: acquisition.first, or "start" where they are another run's.
std::string first_labels_by(const Config& config);

// Its lines of the plan that --dry-run prints.
std::string describe(const LabelPlan& labels, const Config& config, const data::Dataset& dataset);

}  // namespace crc::apps
