// How long training takes here, from a few steps of it.
#pragma once

#include <string>

#include "apps/config/config.h"
#include "data/dataset.h"
#include "kernels/core/context.h"

namespace crc::apps {

// Seconds of a training step of such a run on this device: the median of a few after one to warm up, which take at most
// some seconds, or as long as two steps. Labels do not matter. 0 for what trains without steps (label propagation).
double step_seconds(Context& context, const Config& config, const data::Dataset& dataset);

// Of all rounds of a run, by its caps of epochs, without evaluation and queries.
double training_seconds(const Config& config, double step_seconds);

}  // namespace crc::apps
