// What a run will take of the device's memory, from a dry run of its own code.
#pragma once

#include <string>

#include "apps/config.h"
#include "apps/label_plan.h"
#include "data/dataset.h"
#include "nn/net.h"

namespace crc::apps {

// Totals, for --dry-run.
std::string memory_totals(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                          const LabelPlan& labels);

// Every array of a training step: where it lies in scratch memory, and while which ops it is alive.
std::string memory_table(const Config& config, const data::Dataset& dataset, const nn::Net& net,
                         const LabelPlan& labels);

}  // namespace crc::apps
