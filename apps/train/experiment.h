// From a configuration to the things it names: data set, network, training settings, acquisition settings.
#pragma once

#include <memory>

#include "apps/base/progress.h"
#include "apps/config/config.h"
#include "apps/rundir/run_dir.h"
#include "apps/train/label_source.h"
#include "crc/acquisition.h"
#include "data/dataset.h"
#include "kernels/core/ranks.h"
#include "nn/net.h"
#include "nn/weights_info.h"
#include "ssl/config.h"
#include "ssl/image_set.h"
#include "ssl/propagation.h"

namespace crc::apps {

// On the device of run.device, or on this one instead ("auto" and "cuda": GPU number `gpu`), with run.threads threads
// of the CPU. What "auto" took, and why,
// is one line on stderr, but for a caller that says it itself.
enum class Announce { no, yes };
Context make_context(const Config& config, const std::string& device = {}, Announce announce = Announce::yes,
                     int gpu = 0);
std::string device_words(const Context& context);  // what it is on, with "auto" what that took and why
std::string announcement(const Context& context);  // that line; empty where the device was named

// What run.precision is there: "auto" is bf16 where tensor cores have it (sm_80 and later, which have tf32 too), else
// fp32, on a CPU with AVX512-BF16 too; "tf32" allows tf32, as PyTorch's flag does, and is fp32 where there is none.
// Error config: bf16, and the device has none.
nn::Precision precision_on(const Context& context, const Config& config);
// Error config: a run that began in this precision cannot go on there; corrupt_data: it does not say which.
void check_precision(const Context& context, const Config& begun);

// The data set, cut to data.limit_train and data.limit_test, with the split of data.validation_size. Errors as
// data::load and data::hold_out_labeled.
data::Dataset load_dataset(const Config& config);

// The same with nothing held out; embeddings are scaled by their first `scaled_rows` (0: all).
data::Dataset load_whole_dataset(const Config& config, int64_t scaled_rows);

// Its notes on stderr: "note: ...".
void print_notes(const data::Dataset& dataset);

// In the arithmetic of run.precision (auto: fp32), or in fp32 whatever that says: what an acquisition's features,
// logits and Jacobians come from (on a GPU perhaps by kernels/ops/tf32x3.h, as accurate as fp32). Both have the same
// parameters. Error config: a shape that the network cannot have.
std::unique_ptr<nn::Net> make_net(const Config& config, const data::Dataset& dataset);
std::unique_ptr<nn::Net> make_exact_net(const Config& config, const data::Dataset& dataset);
// As make_net, with a projection head where the method has one: its parameters come last, and no weights file has them.
std::unique_ptr<nn::Net> make_training_net(const Config& config, const data::Dataset& dataset);

NormalizeConfig normalize_config(const Config& config, const data::Dataset& dataset);

// The word from which everything random of round r follows: rounds share nothing. Round -1 is the random network of
// acquisition.first = "model".
uint32_t round_seed(const Config& config, int64_t round);

int64_t steps_of(const Config& config, int64_t epochs);  // Error config: more than a schedule can count

// Round r trains with its own stream of random numbers, from its own initial weights.
ssl::TrainConfig train_config(const Config& config, const data::Dataset& dataset, int64_t round);

// The acquisition that acquisition.first names; empty where it is one of the words of FirstLabels.
std::string first_acquisition(const Config& config);

// Whether test accuracy chooses the queries: they look ahead (select::Trait::worth), and nothing is held out.
bool asks_by_test(const Config& config);

// ssl.method = "label_propagation", which has no network.
bool propagates(const Config& config);

// What a run's model says of images: a network's forward pass, or label propagation from the pool, whose graph it
// keeps.
// Holds references: context and pool must outlive it.
class Predictor {
 public:
  // Errors of ssl.graph.file: 65 (of another graph), those of reading and writing.
  Predictor(Context& context, const Config& config, const data::Dataset& dataset, const ssl::ImageSet& pool,
            const NormalizeConfig& normalize);
  // As ssl::predict.
  ssl::Prediction predict(const nn::Net& net, const nn::Weights& weights, const ssl::ImageSet& images,
                          int64_t limit = 0) const;

 private:
  Context& context_;
  NormalizeConfig normalize_;
  int64_t batch_;
  std::unique_ptr<ssl::Propagation> propagation_;  // if the method is that
};

// What everything that works on one run shares.
struct RunContext {
  // `ranks`: the processes that share its training, which are told of the data here; null: this one alone.
  RunContext(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress, Ranks* ranks);

  Context& context;
  RunDir& directory;
  const Config& config;
  const data::Dataset& dataset;
  Progress& progress;
  Ranks* ranks;
  LabelSource labels;
  ssl::ImageSet images;  // of training, with the labels that are known
  NormalizeConfig normalize;
  Predictor predictor;
};
ssl::ImageSet upload(Context& context, const data::Images& images, const std::vector<int32_t>& labels);

}  // namespace crc::apps
