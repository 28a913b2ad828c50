// A training in several processes. Rank 0 leads: it alone has the run and its directory, tests and queries. The others
// know what it tells them and do what it orders, each order in all of them at once: what they share is the shards of
// every step (ssl/shard_mean.h). Functions that give an order do nothing where `ranks` is null or one process.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "kernels/core/choice.h"
#include "kernels/core/gate.h"
#include "kernels/core/ranks.h"
#include "nn/safetensors.h"

namespace crc::apps {

CRC_CHOICE(Order, join, data, trainer, restore, train, end)

// ---- rank 0
// All take their devices and join them, by this configuration as TOML.
void order_join(Ranks* ranks, const std::string& config);
// What is trained on, by a configuration as TOML. Labels come with each trainer.
void order_data(Ranks* ranks, const std::string& config, const data::Dataset& dataset);
// labels [N] as of this round: an answer may be another than the data set's label (data.label_noise).
// `choices`: of the gate, which are everybody's.
void order_trainer(Ranks* ranks, int64_t round, const std::vector<int64_t>& labeled,
                   const std::vector<int64_t>& unlabeled, const std::vector<int32_t>& labels,
                   const std::map<std::string, Chosen>& choices);
void order_restore(Ranks* ranks, const std::string& checkpoint);
void order_steps(Ranks* ranks, int64_t steps);
void order_end(Ranks* ranks, ExitCode code);

// ---- the others
struct TakenOrder {
  Order order;
  nn::TensorFile with;
  int64_t number() const;                             // of trainer: the round; of train: steps; of end: the exit code
  std::vector<int64_t> list(const char* name) const;  // of trainer: "labeled", "unlabeled"
  std::vector<int32_t> labels() const;                // of trainer
  std::map<std::string, Chosen> choices() const;      // of trainer: ways alone
  std::string config() const;                         // of join
};
// Waits for the next one. Where a stop was asked of this process, rank 0 hears it with that, as its own.
TakenOrder take_order(Ranks& ranks);

// What order_data told; the data set has training images alone, and no names.
struct TrainingData {
  std::string config;
  data::Dataset dataset;
};
TrainingData training_data(const nn::TensorFile& told);

}  // namespace crc::apps
