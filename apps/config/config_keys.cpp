// The table itself. Defaults are those of FixMatch on CIFAR-10 in the reference implementation (kekmodel) and of CRC in
// the paper (section 4, Q = 50); docs/config.md is generated from here.
#include <algorithm>
#include <map>

#include "apps/config/choices.h"
#include "apps/config/config_schema.h"
#include "apps/config/key_kinds.h"
#include "apps/config/method_keys.h"
#include "crc/acquisition.h"
#include "crc/batch_mode.h"
#include "data/datasets/embedding_files.h"
#include "data/datasets/folder_files.h"
#include "data/image.h"
#include "kernels/ops/pairwise_tile.h"
#include "nn/wrn.h"
#include "ssl/method.h"
#include "ssl/propagation.h"

namespace crc::apps {
namespace {

std::vector<std::string> names_of_methods() {
  std::vector<std::string> names;
  for (const ssl::MethodEntry& method : ssl::methods()) names.emplace_back(method.name);
  return names;
}

ConfigKey precision_rule() {
  ConfigKey key =
      choice("run.precision", nn::Precision(),
             "arithmetic of training (docs/step.md): fp32; convolutions in tf32 where the device has it, else fp32; "
             "activations and convolutions in bf16, with weights, statistics and sums in fp32, which needs a GPU from "
             "sm_80 on or a CPU with AVX512-BF16; auto: bf16 on such a GPU, else fp32. Acquisitions always see true "
             "fp32");
  key.fallback = "auto";
  key.choices.insert(key.choices.begin(), "auto");
  key.existed = true;
  return later(std::move(key), std::string("fp32"));
}

void add_run(std::vector<ConfigKey>& keys) {
  keys.insert(
      keys.end(),
      {integer("run.seed", 0, 0, 4294967295.0, "key of every random draw of the run"),
       place(text("run.device", "auto", {"auto", "cpu", "cuda", "cuda:N"}, "auto: CUDA where it works, else the CPU")),
       place(integer("run.threads", 0, 0, 4096, "CPU threads; 0: all cores")), precision_rule(),
       later(integer("run.shards", 0, 0, 1024,
                     "equal parts of every step's batch, a power of two, that pass the network apart: what several "
                     "processes share (docs/parallel.md), with the same bits for any number of them; 0: none"),
             int64_t(0)),
       later(choice("run.batch_statistics", ssl::BatchStatistics::shard,
                    "what batch normalisation of a step in shards takes mean and variance of: each shard, or "
                    "(synchronized) the whole batch, for which all processes meet at every layer"),
             std::string("shard")),
       place(later(integer("run.ranks", 1, 1, 1024,
                           "processes of this machine that `crc_train run` and `resume` start to share run.shards, "
                           "where mpirun or srun started none"),
                   int64_t(1))),
       place(later(boolean("run.tensorboard", false, "TensorBoard's event files in the run's folder tensorboard"),
                   false)),
       place(text("run.name", "", {}, "name in reports; empty: the directory's name"))});
}

ConfigKey split_rule() {
  ConfigKey key =
      later(choice("data.validation", HeldOut::labeled,
                   "which are held out: labelled ones, of each class its share; or a draw from all training images, "
                   "as earlier versions did (their runs keep it)"),
            "any");
  key.with = "data.validation_size";
  return key;
}

void add_embeddings(std::vector<ConfigKey>& keys) {
  const auto file = [](const char* path, const char* doc) {
    return later(place(text(path, "", {}, doc)), std::string());
  };
  ConfigKey scaling = text("data.scaling", data::kScalings.front(), data::kScalings,
                           "embeddings, by those of training: center: mean 0, and all features divided by one number; "
                           "standard: each feature divided by its own standard deviation; unit: rows of one length; "
                           "none. An entry is then of size 1, but for none");
  keys.insert(
      keys.end(),
      {file("data.features",
            "embeddings: .npy file [items,features] of the training items, below data.dir where "
            "that is set; empty: train.npy there"),
       file("data.labels",
            "embeddings: their labels, .npy of integers (-1: unknown) or CSV (label; item,label); "
            "empty: train_labels.npy, or people are asked"),
       file("data.test_features", "embeddings: the same of test items; empty: test.npy, or none"),
       file("data.test_labels", "embeddings: labels of test items; empty: test_labels.npy"),
       file("data.view2",
            "embeddings: of the same training items seen another way (augmented images, another "
            "network of the same width): what consistency is asked of, instead of noise"),
       file("data.view3", "embeddings: a third such view"),
       later(integer("data.classes", 0, 0, 10000, "embeddings: number of classes; 0: as the labels say"), int64_t(0)),
       later(std::move(scaling), std::string(data::kScalings.front())),
       file("data.embeddings",
            "image sets: .npy file [items,features], a row for each training image in their "
            "order, for acquisition.first and acquisition.features")});
}

void add_data(std::vector<ConfigKey>& keys) {
  keys.insert(
      keys.end(),
      {text("data.name", "cifar10", {}, "data set; `crc_train list` names them"),
       place(text("data.dir", "", {}, "directory with the data set's files; built-in sets need none")),
       text("data.profile", "", {},
            "profile of a built-in set (street_digits: easy, street, hard); empty: its default"),
       integer("data.train_size", 0, 0, kMany, "training images of a built-in set; 0: its default"),
       integer("data.test_size", 0, 0, kMany, "test images of a built-in set; 0: its default"),
       integer("data.seed", 1, 0, 4294967295.0, "seed of a built-in set: the same seed is the same images"),
       later(text("data.options", "", {},
                  "further options of the data set, which `crc_train list` names: \"extra=true\", \"duplicates=0.1 "
                  "seed=3\""),
             ""),
       later(integer(
                 "data.resize", 0, 0, 512,
                 "folder: images of any size, PNG and JPEG, become squares of so many pixels a side, each the mean of "
                 "the area that it covers; 0: PNG files of one size alone are read"),
             int64_t(0)),
       later(text("data.crop", data::kCrops.front(), data::kCrops,
                  "folder, with data.resize, of images that are not square: their largest central square; the whole, "
                  "out of shape; the whole between black bars"),
             "center"),
       later(text("data.unreadable", data::kUnreadable.front(), data::kUnreadable,
                  "folder: a damaged or missing file ends the program, or is named and left out"),
             "refuse"),
       later(
           text("data.class_names", "", {},
                "folder: the classes, in this order, separated by commas: \"cat,dog\"; labels must be among them, and "
                "images need none; empty: those of the labels, in byte order"),
           ""),
       integer("data.limit_train", 0, 0, kMany, "use only the first N training images; 0: all"),
       integer("data.limit_test", 0, 0, kMany, "use only the first N test images; 0: all"),
       integer("data.validation_size", 0, 0, kMany,
               "training images held out with their labels, which no round trains on: they choose the best epoch and "
               "end the patience instead of the test set"),
       split_rule(),
       integer("data.split_seed", 0, 0, 4294967295.0, "seed of the held-out images"),
       later(real("data.imbalance", 0, 0, 1,
                  "a long tail of the training images, labelled or not: the last class's share of the first's, falling "
                  "geometrically in between, drawn by split_seed; 1: equally many of each; 0: as the data is"),
             0.0),
       later(real("data.label_noise", 0, 0, 1,
                  "the simulated annotator errs: an answer, of first, queried or held-out images, is wrong with this "
                  "probability, then any other class; decided image by image by split_seed, whoever asks. Test labels "
                  "stay true; 0: never"),
             0.0),
       choice("data.normalize", Normalization::dataset,
              "dataset: its mean and standard deviation (`crc_train data info` says which); half: (x/255 - 0.5) / 0.5"),
       boolean("data.include_labeled_in_unlabeled", true,
               "labelled images also serve as unlabelled ones in training; the query never sees them")});
  add_embeddings(keys);
}

void add_model(std::vector<ConfigKey>& keys) {
  keys.insert(keys.end(),
              {choice("model.name", Network::wrn,
                      "wide residual network, multi-layer perceptron, or a linear classifier of the inputs themselves"),
               integer("model.depth", 28, 1, 1000, "wrn: layers, 6n + 4; mlp: hidden layers"),
               integer("model.width", 2, 1, 10000, "wrn: widening factor k; mlp: units per hidden layer"),
               choice("model.wiring", nn::Wiring::raw_x,
                      "first block of stages 2 and 3: what conv1 and the shortcut read (kekmodel, lee, perrying)"),
               real("model.bn_momentum", 0.001, 0, 1, "batch norm: weight of the new batch (PyTorch's sense)"),
               real("model.bn_eps", 1e-5, 0, 1, "batch norm: added to the variance"),
               real("model.bn_offset", 0, -10, 10, "constant added to batch norm's output (0.1 in early kekmodel)"),
               real("model.slope", 0.1, 0, 1, "leaky ReLU: slope of the negative side"),
               choice("model.conv_bias", nn::ConvBias::none, "which convolutions have a bias"),
               choice("model.init", NetInit::kaiming_fan_out,
                      "convolutions N(0, 2/(k^2 C_out)); head Xavier normal, or PyTorch's default uniform (lee)"),
               integer("model.base_channels", 16, 1, 1024, "wrn: channels of the stem"),
               integer("model.first_stride", 1, 1, 2, "wrn: stride of stage 1 (2 and 3 have stride 2)")});
}

void add_ssl(std::vector<ConfigKey>& keys) {
  keys.insert(
      keys.end(),
      {text(
           "ssl.method", "fixmatch", names_of_methods(),
           "training method (docs/methods.md); where its paper differs from FixMatch's settings, its own stand in keys "
           "that nothing else sets"),
       integer("ssl.batch", 64, 1, 65536, "labelled images per step"),
       integer("ssl.mu", 7, 1, 64, "unlabelled images per labelled one"),
       real("ssl.lambda_u", 1, 0, 1000, "weight of the unsupervised loss"),
       integer("ssl.ramp_steps", 0, 0, kMany,
               "pi_model, mean_teacher: that weight times exp(-5 (1 - t/ramp)^2) for so many steps; 0: no ramp"),
       boolean("ssl.shared_pass", false,
               "pi_model, mean_teacher: one student pass learns both losses (Oliver), not one pass each (perrying)"),
       real("ssl.threshold", 0.95, 0, 1, "a pseudo-label counts from this confidence on"),
       real("ssl.temperature", 1, 0.01, 100,
            "divides the weak logits before the softmax; uda, dash, refixmatch: of the target alone; simmatch: of "
            "similarities"),
       choice("ssl.sampling", Sampling::permutations,
              "items of a batch: from permutations of all, so that none comes twice before all came; independent draws "
              "(replacement); or permutations of a list that holds all about batch * steps_per_epoch / N times "
              "(expanded: kekmodel's --expand-labels; filled: its early code, the list topped up by draws)"),
       choice_or_none<Sampling>("ssl.labeled_sampling",
                                "the same for the labelled images alone; empty: as ssl.sampling"),
       choice_or_none<Sampling>("ssl.unlabeled_sampling",
                                "the same for the unlabelled images alone; empty: as ssl.sampling"),
       integer("ssl.steps_per_epoch", 1024, 1, kMany, "optimizer steps between evaluations"),
       place(integer("ssl.steps_per_graph", 16, 1, 1024, "CUDA: steps captured as one graph; changes no result")),
       integer("ssl.epochs", 350, 1, kMany, "epochs per round; every round trains from scratch"),
       real("ssl.lr", 0.03, 0, 100, "learning rate at the start"),
       choice("ssl.optimizer", ssl::Optimizer::sgd, "adam: betas 0.9 and 0.999, eps 1e-8"),
       real("ssl.momentum", 0.9, 0, 1, "SGD momentum"),
       boolean("ssl.nesterov", true, "Nesterov momentum, in PyTorch's form"),
       real("ssl.weight_decay", 5e-4, 0, 1, "L2 decay of convolution and linear weights"),
       boolean("ssl.decay_fc_bias", false, "decay the bias of the last layer too (lee)"),
       real("ssl.ema_decay", 0.999, 0, 1, "decay of the averaged weights"),
       boolean("ssl.ema_warmup", false, "decay min(1 - 1/(t+2), ema_decay) after t steps (perrying's Mean Teacher)"),
       choice(
           "ssl.ema_buffers", ssl::EmaBuffers::copied,
           "batch norm statistics of the averaged model: the student's; averaged like the weights (early kekmodel); or "
           "own: moved by the teacher's passes (mean_teacher)"),
       choice("ssl.tested", ssl::Tested::ema, "the model that is tested, scored and exported"),
       choice("ssl.schedule", RateSchedule::cosine,
              "cosine: lr cos(7 pi k / 16 K) with k steps of K done; staircase: lr, times drop_factor from a step on"),
       integer("ssl.drop_at_step", 400000, 0, kMany, "staircase: the step of the drop"),
       real("ssl.drop_factor", 0.2, 0, 1, "staircase: factor of the drop"),
       integer("ssl.horizon_epochs", 0, 0, kMany, "epochs until the schedule's end K; 0: ssl.epochs"),
       integer("ssl.patience_epochs", 50, 0, kMany, "stop after so many epochs without a better accuracy; 0: never"),
       choice("ssl.strong", augment::Policy::randaugment_kekmodel,
              "strong augmentation; `crc_train list` says what each does"),
       later(
           real("ssl.strong_noise", 0.5, 0, 100,
                "embeddings without further views: standard deviation of the noise on a strong view's features, whose "
                "entries are of size 1 (data.scaling)"),
           0.5),
       later(real("ssl.strong_dropout", 0.2, 0, 0.99, "and the share of its features that are dropped"), 0.2),
       boolean("ssl.weak.flip", true, "horizontal flip with probability 1/2"),
       integer("ssl.weak.crop_pad", 4, 0, 64, "random crop after padding by so many pixels; 0: none"),
       boolean("ssl.weak.crop_per_batch", false, "one crop offset for all images of a pass (perrying)"),
       choice("ssl.weak.padding", augment::Padding::reflect, "what the padding holds"),
       later(real("ssl.weak.noise", 0.1, 0, 100, "embeddings without further views: noise on every other view"), 0.1),
       later(real("ssl.weak.dropout", 0, 0, 0.99, "and the share of its features that are dropped"), 0.0),
       later(integer("ssl.graph.neighbors", 15, 1, kMostLeast - 1,
                     "label_propagation: nearest items that an item is "
                     "joined to"),
             int64_t(15)),
       later(
           choice("ssl.graph.affinity", ssl::Affinity::cosine,
                  "weight of an edge: cosine: max(0, cos)^3; rbf: exp(-|x - y|^2 / s^2), s^2 the mean squared distance "
                  "to the last neighbour"),
           std::string("cosine")),
       later(
           real("ssl.graph.alpha", 0.9, 0, 0.9999, "share that an item takes from its neighbours, not from its label"),
           0.9),
       later(real("ssl.graph.tolerance", 1e-4, 1e-12, 0.1, "how far the scores may be from the solution"), 1e-4),
       later(place(text("ssl.graph.file", "", {},
                        "file that keeps the neighbours: read where it is of this data, else "
                        "written; empty: none, every run finds them once")),
             std::string())});
}

ConfigKey search_rule() {
  ConfigKey key =
      choice("acquisition.search", select::Search::partition,
             "candidate groups: a partition of the shuffled pool, or independent draws; crc also item by item: greedy, "
             "or greedy and then exchanges while the score rises");
  std::erase_if(key.choices, [](const std::string& word) {  // Search::given is for callers who have groups
    return select::search_entry(*find_choice<select::Search>(word)).has(select::SearchTrait::listed);
  });
  return key;
}

ConfigKey first_rule() {
  ConfigKey key =
      choice("acquisition.first", FirstLabels::random,
             "first labels: drawn at random, by the acquisition on a randomly initialised network (paper B.2), all "
             "that the data set has, those of its leading items (the pivots of two_moons), or by an acquisition that "
             "needs embeddings alone, before there is any network");
  for (const select::Acquisition& acquisition : select::acquisitions())
    if (select::needs_features_alone(acquisition)) key.choices.emplace_back(acquisition.name);
  return key;
}

void add_selection(std::vector<ConfigKey>& keys) {
  keys.insert(
      keys.end(),
      {text("acquisition.name", "crc", {}, "how the next labels are chosen; `crc_train list` names them"),
       integer("acquisition.budget", 50, 1, kMany, "labels per query (Q)"),
       later(text("acquisition.budgets", "", {},
                  "queries of unequal sizes instead: the label counts after each of them, \"20 50 100 200 500\", which "
                  "also says how many there are (but acquisition.rounds = 0 is none); empty: acquisition.budget each"),
             std::string()),
       integer("acquisition.group_size", 5, 1, kMany, "items per candidate group (G, divides Q)"),
       integer("acquisition.initial", 50, 1, kMany, "labels before the first query, equally many of each class"),
       later(real("acquisition.initial_imbalance", 0, 0, 1,
                  "a long tail of them instead, as data.imbalance has it; 0: equally many of each class"),
             0.0),
       integer("acquisition.rounds", 5, 0, 100000, "queries; training runs once more than that"),
       choice(
           "acquisition.protocol", Protocol::realistic,
           "realistic: classes of the query are left to chance; pseudo_al: equally many of each class (paper 4.3.1)"),
       first_rule(),
       later(
           choice("acquisition.features", PoolFeatures::network,
                  "what acquisitions take for features: the network's, the input of its last layer; or the embeddings "
                  "(data.embeddings), whatever the network is"),
           std::string("network")),
       later(
           choice("acquisition.calibrate", Calibration::none,
                  "validation: acquisitions that read probabilities see softmax(logits / T), with the T that fits the "
                  "held-out items best (data.validation_size; Guo et al. 2017); cross_validation: with the T that fits "
                  "the "
                  "labels best, each predicted without those of its fold (label_propagation)"),
           std::string("none")),
       choice("acquisition.model", nn::Epoch::best,
              "which of the round's tested models scores the pool: that of the best evaluation or of the last"),
       search_rule(),
       integer("acquisition.candidates", 0, 0, kMany,
               "candidate groups to score; 0: as many as the partition has. oracle: batches that are proposed; 0: 35"),
       choice("acquisition.solver", select::Solver::capacitance,
              "eigenvalue solver of crc; syevd is the definition, fp32-positive shows what a literal reading does"),
       text("acquisition.layers", "fc bn1 block3", {},
            "crc_layers: first parts of parameter names, or all (default: head, last batch norm, last block)"),
       later(
           integer("acquisition.partitions", 1, 1, kMany,
                   "probcover, maxherding, uherding, facility_location: random parts of the pool that are picked from "
                   "by themselves first; 1: exact on the whole pool"),
           int64_t(1)),
       later(integer("acquisition.bait_top", 0, 0, kMany,
                     "bait: how many of an item's likeliest classes its Fisher information is over; 0: all, exact"),
             int64_t(0)),
       later(integer("acquisition.samples", 10, 1, 10000,
                     "bald, batchbald, dropquery: passes with dropout of the features; their logits take 4 N C bytes "
                     "each"),
             int64_t(10)),
       later(real("acquisition.dropout", 0.5, 0.001, 0.999, "of these: the share of features that a pass drops"), 0.5),
       place(real("acquisition.memory_gb", 8, 0, 100000,
                  "memory for Jacobians (egl, crc_layers, crc_full) and for bait")),
       place(text("start.run", "", {}, "run directory to begin with; empty: begin anew")),
       integer("start.round", -1, -1, 100000, "its round whose labels count here as round 0; -1: its last one"),
       choice("start.use", StartUse::model,
              "model: go on with that round's trained model; labels: train on its labels from scratch"),
       integer("eval.batch", 500, 1, 65536, "images per evaluation batch; does not change results"),
       integer("eval.last", 20, 1, 1000, "final evaluations whose median is reported"),
       place(later(integer("ckpt.keep", 3, 1, 1000000,
                           "newest checkpoints that are kept besides every round's end; with 1 a damaged one has no "
                           "other of its round to fall back on"),
                   int64_t(3))),
       later(
           integer("eval.cross_validation", 0, 0, 100,
                   "for data without test images: each round estimates its accuracy from so many more trainings, each "
                   "on the labels without one of so many equal, stratified parts, tested on that part; 0: none"),
           int64_t(0)),
       place(real("report.interval", 30, 0.1, 86400, "seconds between progress lines when stderr is not a terminal")),
       place(integer("report.query_images", 50, 0, 1000, "queried images drawn per round")),
       place(later(boolean("report.show_guess", false,
                           "rounds/NN/label.html shows the model's guess at once; false: only when "
                           "asked, so that it persuades nobody"),
                   false)),
       place(text("report.reference", "", {},
                  R"(published numbers to draw, as "labels:percent ...": "100:78.4 150:83.7")")),
       place(text("report.reference_name", "paper", {}, "what the published numbers are called"))});
}

}  // namespace

const std::vector<ConfigKey>& config_schema() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    for (auto add : {add_run, add_data, add_model, add_ssl, add_methods, add_selection}) add(all);
    // A TOML table stands once: the keys of a section together, sections as they first come.
    const auto section_of = [](const ConfigKey& key) { return key.path.substr(0, key.path.rfind('.')); };
    std::map<std::string, size_t> places;
    for (const ConfigKey& key : all) places.emplace(section_of(key), places.size());
    std::ranges::stable_sort(all, {}, [&](const ConfigKey& key) { return places.at(section_of(key)); });
    return all;
  }();
  return keys;
}

}  // namespace crc::apps
