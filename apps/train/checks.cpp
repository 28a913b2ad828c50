#include "apps/train/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "apps/base/program.h"
#include "apps/config/budgets.h"
#include "apps/config/method_keys.h"
#include "apps/config/reference.h"
#include "apps/train/experiment.h"
#include "apps/train/pool_scorer.h"
#include "apps/train/run_start.h"
#include "crc/balanced_query.h"
#include "crc/batch_mode.h"
#include "data/pool.h"
#include "kernels/core/error.h"
#include "nn/weights_info.h"
#include "ssl/trainer.h"

namespace crc::apps {
namespace {

using Int = int64_t;
using Text = std::string;

bool is_balanced(const Config& config) {
  return config.choice<Protocol>("acquisition.protocol") == Protocol::pseudo_al;
}

// Everything that load_dataset reads.
Text data_settings(const Config& config) {
  Text settings;
  for (const ConfigKey& key : config_schema())
    if (key.path.starts_with("data.")) settings += key.path + " = " + to_text(config.value(key.path)) + "\n";
  return settings;
}

void check_first(const Config& config, const data::Dataset& dataset, const LabelPlan& plan) {
  const std::optional<FirstLabels> first = first_labels_by(config);
  const double tail = config.get<double>("acquisition.initial_imbalance");
  if (first == FirstLabels::random && tail > 0)
    (void)data::long_tail_counts(plan.known, plan.first, tail);
  else if (first == FirstLabels::random)
    data::check_initial(plan.known, plan.first);
  if (first == FirstLabels::given && plan.first == 0)
    fail(ExitCode::config,
         "acquisition.first = \"given\" takes the labels that the data set has, and it has none; use \"model\", which "
         "asks people for the first ones too");
  if (first != FirstLabels::leading) return;
  if (plan.first > dataset.train.count)
    fail(ExitCode::config, fmt::format("acquisition.initial = {}, and there are {} training images; choose fewer",
                                       plan.first, dataset.train.count));
  for (Int item = 0; item < plan.first; ++item)
    if (dataset.train.labels[size_t(item)] < 0)
      fail(ExitCode::config, fmt::format("acquisition.first = \"leading\": training image {} has no label; choose at "
                                         "most {} (acquisition.initial), or another way",
                                         item, item));
}

// Names that are written in two ways ("6" and "6.0", "cat" and "Cat") are two classes: what is learnt of the one is of no
// use to the other.
void check_classes(const data::Dataset& dataset) {
  constexpr size_t kShown = 4;
  const auto classes_of = [&](const data::Images& images) {
    const std::vector<Int> counts = data::count_by_class(images.labels, dataset.classes());
    std::vector<Text> names;
    for (Int c = 0; c < dataset.classes(); ++c)
      if (counts[size_t(c)] > 0) names.push_back(dataset.class_names[size_t(c)]);
    return names;
  };
  const std::vector<Text> learnt = classes_of(dataset.train), tested = classes_of(dataset.test);
  const auto is_learnt = [&](const Text& name) { return std::ranges::find(learnt, name) != learnt.end(); };
  if (learnt.empty() || tested.empty() || std::ranges::any_of(tested, is_learnt)) return;
  const auto shown = [](std::vector<Text> names) {
    for (Text& name : names) name = data::legible(name);
    return data::join_first(names, kShown);
  };
  fail(ExitCode::corrupt_data,
       fmt::format("training labels are of {}, labels of the held-out items of {}, and no class "
                   "is in both; write a class in one way everywhere",
                   shown(learnt), shown(tested)));
}

// Of people nobody knows beforehand how they will answer.
void check_annotator(const Config& config, const LabelPlan& plan) {
  if (const double noise = config.get<double>("data.label_noise"); noise > 0 && plan.unknown > 0)
    fail(ExitCode::config,
         fmt::format("data.label_noise = {} is of an annotator who is simulated, and {} of {} training images have no "
                     "label, so that people would be asked; give all a label, or leave data.label_noise out",
                     noise, plan.unknown, plan.images()));
}

void check_validation(const Config& config, const data::Dataset& dataset, const LabelPlan& plan) {
  if (config.choice<Calibration>("acquisition.calibrate") == Calibration::validation && plan.validation == 0)
    fail(ExitCode::config,
         "acquisition.calibrate = \"validation\" needs held-out items with labels; set "
         "data.validation_size, or choose \"none\"");
  if (config.choice<Calibration>("acquisition.calibrate") == Calibration::cross_validation && !propagates(config))
    fail(
        ExitCode::config,
        fmt::format("acquisition.calibrate = \"cross_validation\" would train every round's network once more for each "
                    "fold of its labels, and is for ssl.method = \"label_propagation\", which trains none; with \"{}\" "
                    "use \"validation\", with data.validation_size, or \"none\"",
                    config.get<Text>("ssl.method")));
  if (!further_decays(config).empty() && plan.validation == 0)
    fail(ExitCode::config,
         "ssl.ema_decays: which average is tested is chosen on held-out items with labels alone, and there are none; "
         "set data.validation_size, or leave ssl.ema_decays out");
  if (plan.validation < dataset.validation.count)
    fail(ExitCode::config,
         fmt::format("data.validation = \"any\" held out {} images, {} of them without a label, which measure nothing; "
                     "use \"labeled\"",
                     dataset.validation.count, dataset.validation.count - plan.validation));
}

// Every part has every class, and so have the labels without it. Where people choose, only time shows it.
void check_folds(const Config& config, const data::Dataset& dataset, const LabelPlan& plan) {
  const Int folds = config.get<Int>("eval.cross_validation");
  if (folds == 0) return;
  if (folds == 1)
    fail(ExitCode::config, "eval.cross_validation = 1: nothing would be left to train on; choose 2 or more");
  if (propagates(config))
    fail(ExitCode::config,
         "eval.cross_validation is of trained networks, and label_propagation trains none; leave it 0");
  const auto fewest = std::ranges::min_element(plan.first_per_class);
  if (*fewest > 0 && *fewest < folds)
    fail(ExitCode::config,
         fmt::format("eval.cross_validation = {}: each part needs a label of every class, and {} has {} of them in the "
                     "first round; choose at most {}, or begin with more labels",
                     folds, data::legible(dataset.class_names[size_t(fewest - plan.first_per_class.begin())]), *fewest,
                     *fewest > 1 ? *fewest : 0));
}

void check_pool(const Config& config, const LabelPlan& plan) {
  if (plan.queries() == 0 || plan.in_the_end() <= plan.images()) return;
  const Int possible = std::ranges::upper_bound(plan.after, plan.images()) - plan.after.begin();
  const Int left = plan.images() - plan.before_query(possible);
  if (const Text& budgets = config.get<Text>("acquisition.budgets"); !budgets.empty())
    fail(ExitCode::config,
         fmt::format("acquisition.budgets = {}: there are {} training images, and query {}, to {} labels, would find "
                     "{} unlabelled; leave out what is more than {}",
                     data::in_quotes(budgets), plan.images(), possible + 1, plan.after[size_t(possible)], left,
                     plan.images()));
  fail(ExitCode::config,
       fmt::format(
           "acquisition.rounds = {} queries of acquisition.budget = {} after {} first labels need {} training "
           "images, and there are {}: query {} would find {} unlabelled; choose at most {} rounds, or a smaller "
           "budget",
           plan.queries(), plan.budget(0), plan.first, plan.in_the_end(), plan.images(), possible + 1, left, possible));
}

// What people see first of a list that forgets the first labels.
void check_schedule(const Config& config, const LabelPlan& plan) {
  if (plan.queries() == 0 || plan.after[0] > plan.first) return;
  fail(ExitCode::config,
       fmt::format("acquisition.budgets = {}: the run begins with {} labels, and the first query is to end with {}; "
                   "name the counts after each query alone, all above {}",
                   data::in_quotes(config.get<Text>("acquisition.budgets")), plan.first, plan.after[0], plan.first));
}

// One query by its sizes, when `labeled` images have a label; `per_class` of them are of each class.
void check_query(const Config& config, const data::Dataset& dataset, const select::Config& query, Int labeled,
                 const std::vector<Int>& per_class) {
  Context dry = Context::dry();
  const data::Images& images = dataset.train;
  const std::unique_ptr<nn::Net> net = make_exact_net(config, dataset);
  const ssl::ImageSet shapes = upload(dry, images, images.labels);
  const nn::WeightBuffers weights(dry, net->layout(), "weights");
  std::optional<NetJacobians> jacobians;
  if (!propagates(config)) jacobians.emplace(*net, weights.weights(), shapes, NormalizeConfig());
  const bool trained = labeled > 0;
  const select::Request request{labeled, images.count - labeled, jacobians ? &*jacobians : nullptr, trained};
  if (!is_balanced(config)) return select::check_request(query, request);
  std::vector<Int> left = data::count_by_class(images.labels, dataset.classes());
  for (size_t c = 0; c < left.size(); ++c) left[c] -= per_class[c];
  check_balanced(query, left, request);
}

// Of queries of one size in a row the last, which finds the fewest images.
void check_every_query(const Config& config, const data::Dataset& dataset, const LabelPlan& plan) {
  std::vector<Int> per_class = plan.first_per_class;
  for (Int k = 0; k < plan.queries(); ++k) {
    const Int budget = plan.budget(k);
    if (k + 1 == plan.queries() || plan.budget(k + 1) != budget)
      check_query(config, dataset, selection_config(config, k, budget), plan.before_query(k), per_class);
    for (Int& count : per_class) count += budget / dataset.classes();
  }
}

// The embeddings that acquisitions are to look at are there, and what needs a network has one.
void check_features(const Config& config, const data::Dataset& dataset, bool first) {
  const bool later = config.choice<PoolFeatures>("acquisition.features") == PoolFeatures::embeddings;
  if (dataset.train.features == 0 && (first || later))
    fail(ExitCode::config,
         fmt::format("acquisition.{} = \"{}\" needs embeddings; set data.embeddings to a .npy file with a row for each "
                     "of the {} training images",
                     first ? "first" : "features",
                     config.get<Text>(first ? "acquisition.first" : "acquisition.features"), dataset.train.count));
  const select::Acquisition& acquisition = select::find_acquisition(config.get<Text>("acquisition.name"));
  using enum select::Trait;
  if (propagates(config) && (acquisition.has(jacobians) || acquisition.has(head) || acquisition.has(samples)))
    fail(ExitCode::config,
         fmt::format(
             "acquisition.name = \"{}\" looks at a network's {}, and label_propagation has no network; choose one "
             "of features and logits (crc_train list)",
             acquisition.name, acquisition.has(samples) ? "passes with dropout" : "weights"));
}

// Who looks ahead needs labels to look at, and some to measure by.
void check_worth(const Config& config, const data::Dataset& dataset, const LabelPlan& plan) {
  const select::Acquisition& acquisition = select::find_acquisition(config.get<Text>("acquisition.name"));
  if (!acquisition.has(select::Trait::worth)) return;
  if (plan.unknown > 0)
    fail(ExitCode::config,
         fmt::format("acquisition.name = \"{}\" trains on labels before anybody has given them, and {} of {} training "
                     "images have none; choose another acquisition (crc_train list)",
                     acquisition.name, plan.unknown, plan.images()));
  if (plan.validation == 0 && !data::has_labels(dataset.test))
    fail(
        ExitCode::config,
        fmt::format("acquisition.name = \"{}\" takes the batch that is best on held-out or test images, and none has a "
                    "label; set data.validation_size, or choose another acquisition (crc_train list)",
                    acquisition.name));
}

void check_queries(const Config& config, const data::Dataset& dataset, const LabelPlan& plan) {
  check_schedule(config, plan);
  const bool asks = plan.queries() > 0;
  const select::Config query =
      selection_config(config, 0, asks ? plan.budget(0) : config.get<Int>("acquisition.budget"));
  select::find_acquisition(query.name);
  const std::string by_embeddings = config.get<Text>("start.run").empty() ? first_acquisition(config) : "";
  const bool by_model = first_labels_by(config) == FirstLabels::model;
  check_features(config, dataset, !by_embeddings.empty());
  if (!asks && !by_model && by_embeddings.empty()) return;
  if (asks) check_worth(config, dataset, plan);
  if (select::scores_groups(query.name)) select::check_candidates(query, machine_memory());
  const bool whole_queries = is_balanced(config) && select::scores_groups(query.name);
  const bool scheduled = !config.get<Text>("acquisition.budgets").empty();
  if (whole_queries && (scheduled || query.group_size != query.budget) &&
      config.origin("acquisition.group_size") != "default")
    fail(ExitCode::config,
         fmt::format("acquisition.group_size = {} with acquisition.protocol = \"pseudo_al\": a group is a whole query "
                     "there; {}",
                     query.group_size,
                     scheduled ? "leave it out"
                               : fmt::format("set it to acquisition.budget ({}), or leave it out", query.budget)));
  if (whole_queries && select::search_entry(query.search).has(select::SearchTrait::single_items))
    fail(ExitCode::config, fmt::format("acquisition.search = \"{}\" builds a query item by item, and protocol "
                                       "\"pseudo_al\" takes whole groups with equally many of each class; use "
                                       "\"partition\" or \"independent\"",
                                       word_of(query.search)));
  if (is_balanced(config) && plan.unknown > 0)
    fail(ExitCode::config,
         fmt::format("acquisition.protocol = \"pseudo_al\" balances queries by the labels of the whole "
                     "pool, and {} of {} training images have none; use \"realistic\"",
                     plan.unknown, plan.images()));
  if (by_model || !by_embeddings.empty()) {
    select::Config first = query;
    if (!by_model) first.name = by_embeddings;
    first.budget = plan.first;
    check_query(config, dataset, first, 0, std::vector<Int>(plan.known.size(), 0));
  }
  check_pool(config, plan);
  check_every_query(config, dataset, plan);
}

}  // namespace

LabelPlan check_experiment(const Config& config, const data::Dataset& dataset) {
  const data::Images& images = dataset.train;
  const ssl::TrainConfig train = train_config(config, dataset, 0);
  if (!images.embedded()) augment::check_image_size(images.height, images.width, train.weak);
  (void)make_net(config, dataset);
  const LabelPlan plan = plan_labels(config, dataset, load_start(config, dataset));
  check_classes(dataset);
  check_annotator(config, plan);
  check_validation(config, dataset, plan);
  check_first(config, dataset, plan);
  check_folds(config, dataset, plan);
  check_queries(config, dataset, plan);
  const bool all_unlabeled = config.get<bool>("data.include_labeled_in_unlabeled");
  ssl::check_training(train, images.height, images.width, plan.first,
                      all_unlabeled ? images.count : images.count - plan.in_the_end());
  check_moves(config, dataset, plan.before_query(std::max<Int>(plan.queries() - 1, 0)));
  return plan;
}

void check_experiments(const std::vector<NamedConfig>& runs,
                       const std::function<void(size_t run, const data::Dataset&)>& more) {
  std::map<Text, std::vector<size_t>> by_data;
  for (size_t i = 0; i < runs.size(); ++i) by_data[data_settings(runs[i].config)].push_back(i);
  for (const auto& [settings, members] : by_data) {
    std::optional<data::Dataset> dataset;
    for (size_t i : members) try {
        if (!dataset) dataset = load_dataset(runs[i].config);
        check_experiment(runs[i].config, *dataset);
        if (more) more(i, *dataset);
      } catch (const Error& error) {
        fail(error.code(), runs[i].name + ": " + error.what());
      }
  }
}

void check_cpu_precision(const Config& config, bool here) {
  const Text& device = config.get<Text>("run.device");
  if (device == "cpu" || (here && device == "auto" && Context::gpus() == 0))
    (void)precision_on(Context::cpu(1), config);
}

void check_moves(const Config& config, const data::Dataset& dataset, Int labeled) {
  check_cpu_precision(config, false);
  parse_reference(config.get<Text>("report.reference"));
  if (config.get<Int>("acquisition.rounds") == 0) return;
  try {
    const Int queries = config.get<Int>("acquisition.rounds");
    const Int budget = labels_after(config, labeled, queries) - labels_after(config, labeled, queries - 1);
    const Int most = std::max<Int>(dataset.train.count - budget, 0);
    check_query(config, dataset, selection_config(config, 0, budget), std::min(labeled, most),
                std::vector<Int>(size_t(dataset.classes()), 0));
  } catch (const Error& error) {
    if (error.code() == ExitCode::out_of_memory) throw;  // all else was settled when the run began
  }
}

}  // namespace crc::apps
