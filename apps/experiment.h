// From a configuration to the things it names: data set, network, training settings, acquisition settings.
#pragma once

#include <memory>

#include "apps/config.h"
#include "apps/run_dir.h"
#include "crc/acquisition.h"
#include "data/dataset.h"
#include "nn/net.h"
#include "ssl/config.h"

namespace crc::apps {

struct LabelPlan;

// On the device of run.device, or on this one instead, with run.threads threads of the CPU.
Context make_context(const Config& config, const std::string& device = {});

// The data set, cut to data.limit_train and data.limit_test, with the split of data.validation_size. Errors as
// data::load and data::hold_out_labeled.
data::Dataset load_dataset(const Config& config);

// Its notes on stderr: "note: ...".
void print_notes(const data::Dataset& dataset);

// Error 65 when the data is not that of `fingerprint`, with which the run began.
void check_fingerprint(const data::Dataset& dataset, const std::string& fingerprint);
// Nor its classes other ones: the ledger's numbers would mean something else.
void check_data(const data::Dataset& dataset, const RunFacts& facts);
// In the arithmetic of run.precision, or in true fp32 whatever that says: what an acquisition's features, logits and
// Jacobians come from. Both have the same parameters. Error config: a shape that the network cannot have.
std::unique_ptr<nn::Net> make_net(const Config& config, const data::Dataset& dataset);
std::unique_ptr<nn::Net> make_exact_net(const Config& config, const data::Dataset& dataset);

NormalizeConfig normalize_config(const Config& config, const data::Dataset& dataset);

// The word from which everything random of round r follows: rounds share nothing. Round -1 is the random network of
// acquisition.first = "model".
uint32_t round_seed(const Config& config, int64_t round);

// Round r trains with its own stream of random numbers, from its own initial weights.
ssl::TrainConfig train_config(const Config& config, const data::Dataset& dataset, int64_t round);

select::Config selection_config(const Config& config, int64_t round);

// What the run will do, for --dry-run: sizes, labels and steps.
std::string plan(const Config& config, const data::Dataset& dataset, const nn::Net& net, const LabelPlan& labels);

}  // namespace crc::apps
