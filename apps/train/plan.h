// What a run will take, before it starts: labels (what the data set gives, what the first round has, what queries add),
// steps, and memory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/choices.h"
#include "apps/config/config.h"
#include "apps/train/run_start.h"
#include "data/dataset.h"
#include "nn/net.h"

namespace crc::apps {

struct LabelPlan {
  std::vector<int64_t> known;                // [C] training images whose label the data set has
  int64_t unknown = 0;                       // training images without one: people will be asked
  int64_t validation = 0;                    // labels of the held-out images, besides all others
  int64_t first = 0;                         // labels of round 0
  std::vector<int64_t> first_per_class;      // [C]; zeros where the first query is free to choose
  std::vector<int64_t> after;                // [queries] labels after each query
  std::map<std::string, std::string> start;  // RunStart::sums of what start.run gives

  int64_t images() const;  // training images, labelled or not
  int64_t queries() const { return int64_t(after.size()); }
  int64_t before_query(int64_t k) const { return k == 0 ? first : after[size_t(k) - 1]; }  // labels; k from 0
  int64_t budget(int64_t k) const { return after[size_t(k)] - before_query(k); }
  int64_t in_the_end() const { return before_query(queries()); }
};

// By arithmetic alone, whether it is possible or not. `start` is what start.run gives.
LabelPlan plan_labels(const Config& config, const data::Dataset& dataset, const std::optional<RunStart>& start);

// How the first labels come about; nothing where they are another run's (start.run), or an acquisition's that
// acquisition.first names.
std::optional<FirstLabels> first_labels_by(const Config& config);

// Of a data set with labels of a part, where the first query does not begin with them: that it does not; else empty.
std::string unused_labels(const Config& config, const data::Dataset& dataset);

// What the run will do, for --dry-run: sizes, labels and steps.
std::string plan(const Config& config, const data::Dataset& dataset, const nn::Net& net, const LabelPlan& labels);

// What it will take of the device's memory, from a dry run of its own code: totals.
std::string memory_totals(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                          const LabelPlan& labels);

// Of a run on the CPU. Error 71: it needs more than the machine has.
void check_host_memory(const Config& config, const data::Dataset& dataset, const LabelPlan& labels);

// Every array of a training step: where it lies in scratch memory, and while which ops it is alive.
std::string memory_table(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                         const LabelPlan& labels);

}  // namespace crc::apps
