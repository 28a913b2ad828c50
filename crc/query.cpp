#include "crc/query.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <tuple>

#include "crc/batch_mode.h"
#include "crc/outlook.h"
#include "crc/quotas.h"
#include "kernels/core/error.h"

namespace crc::select {
namespace {

int64_t machine_bytes() { return int64_t(::sysconf(_SC_PHYS_PAGES)) * int64_t(::sysconf(_SC_PAGESIZE)); }

std::string called(const Array& array, const char* what) { return array.name.empty() ? what : array.name; }

int64_t extent_of(const Array& array, size_t dimension) {
  return array.shape.size() > dimension ? array.shape[dimension] : 0;
}

// Those that differentiate through a network, and what comes closest without one.
void check_acquisition(const std::string& name) {
  const Acquisition& acquisition = find_acquisition(name);
  if (acquisition.has(Trait::worth)) acquisition.check({.name = name}, {});
  if (!acquisition.has(Trait::jacobians)) return;
  const char* closest = acquisition.has(Trait::groups) ? "crc" : "egl_last";
  fail(ExitCode::config, fmt::format("acquisition \"{}\" needs the network's Jacobians, which no array holds; use "
                                     "\"{}\", or crc_train run with acquisition.name = \"{}\"",
                                     name, closest, name));
}

void check_class_weights(std::span<const double> weights, int64_t classes) {
  if (int64_t(weights.size()) != classes)
    fail(ExitCode::corrupt_data,
         fmt::format("{} weights of classes, and the logits have {} classes", weights.size(), classes));
  double largest = 0;
  for (size_t c = 0; c < weights.size(); ++c) {
    if (!(weights[c] >= 0 && std::isfinite(weights[c])))
      fail(ExitCode::corrupt_data, fmt::format("class {} weighs {}; weights are 0 or more", c, weights[c]));
    largest = std::max(largest, weights[c]);
  }
  if (largest == 0) fail(ExitCode::corrupt_data, "all weights of classes are 0; nothing would count");
}

}  // namespace

std::vector<int64_t> checked_items(std::span<const int64_t> list, int64_t items, const char* name) {
  std::vector<int64_t> ascending(list.begin(), list.end());
  std::ranges::sort(ascending);
  const auto twice = std::ranges::adjacent_find(ascending);
  if (twice != ascending.end())
    fail(ExitCode::config, fmt::format("item {} is twice in the {} list; list every item once", *twice, name));
  if (ascending.empty()) return ascending;
  if (ascending.front() < 0)
    fail(ExitCode::config, fmt::format("item {} of the {} list is negative", ascending.front(), name));
  if (ascending.back() >= items)
    fail(ExitCode::config, fmt::format("item {} of the {} list is outside the {} rows; items are row numbers from 0 to "
                                       "{}",
                                       ascending.back(), name, items, items - 1));
  return ascending;
}

Query::Query(const crc_active::Problem& arrays, QueryOptions options)
    : options_(std::move(options)),
      features_(arrays.features, "features"),
      logits_(arrays.logits, "logits"),
      samples_(arrays.samples),
      head_(arrays.head),
      bias_(arrays.bias),
      asked_classes_(arrays.classes),
      asked_search_(options_.config.search) {
  check_options(arrays);
  check_acquisition(options_.config.name);
  if (together()) check_takes(options_.config, Trait::shards);
  items_ = features_.items() > 0 ? features_.items() : logits_.items() > 0 ? logits_.items() : extent_of(samples_, 1);
  if (items_ == 0)
    fail(ExitCode::usage, fmt::format("nothing to choose from: give {}, {} or {}, one row per item", option("features"),
                                      option("logits"), option("samples")));
  check_shapes();
}

// As whoever gave it spells it.
std::string Query::option(const char* name) const {
  if (!options_.command_line) return name;
  std::string spelled = std::string("--") + name;
  std::ranges::replace(spelled, '_', '-');
  return spelled;
}

void Query::check_options(const crc_active::Problem& arrays) const {
  const auto refuse = [](const std::string& words) { fail(ExitCode::usage, words); };
  const bool features = !arrays.features.empty(), logits = !arrays.logits.empty();
  if (options_.config.search == Search::given && !options_.candidates && arrays.candidates.empty())
    refuse(fmt::format("{} given takes the groups of {}; {}", option("search"), option("candidates"),
                       options_.command_line ? "name the file" : "give them"));
  if (options_.represents && !features)
    refuse(fmt::format("{} needs {}: the nearest item is the one with the nearest features", option("represents"),
                       option("features")));
  if (options_.per_cluster > 0 && !features)
    refuse(fmt::format("{} needs {}, which it clusters", option("per_cluster"), option("features")));
  if (!logits && (options_.class_weights || !arrays.class_weights.empty()))
    refuse(fmt::format("{} needs {}, which predict the class of each item", option("class_weights"), option("logits")));
  if (!logits && options_.quota > 0 && options_.per_cluster == 0)
    refuse(fmt::format("{} needs {}, which predict the class of each item, or {}", option("quota"), option("logits"),
                       option("per_cluster")));
  if (is_given(bias_) && !is_given(head_))
    refuse(fmt::format("{} is the head's: give {} too", option("bias"), option("head")));
}

void Query::check_shapes() const {
  if (logits_.items() > 0 && logits_.items() != items_)
    fail(ExitCode::corrupt_data, fmt::format("{} has {} rows and {} has {}; row i of both must be item i",
                                             features_.name(), items_, logits_.name(), logits_.items()));
  const auto differ = [](const std::string& a, int64_t x, const std::string& b, int64_t y, const char* what) {
    if (x > 0 && y > 0 && x != y)
      fail(ExitCode::corrupt_data, fmt::format("{} has {} {} and {} has {}", a, x, what, b, y));
  };
  const std::string samples = called(samples_, "samples"), head = called(head_, "head");
  differ(samples, extent_of(samples_, 1), features_.name(), features_.items(), "items");
  differ(samples, extent_of(samples_, 1), logits_.name(), logits_.items(), "items");
  differ(samples, extent_of(samples_, 2), logits_.name(), logits_.columns(), "classes");
  differ(head, extent_of(head_, 0), logits_.name(), logits_.columns(), "classes");
  differ(head, extent_of(head_, 0), samples, extent_of(samples_, 2), "classes");
  differ(head, extent_of(head_, 1), features_.name(), features_.columns(), "features");
}

// What the acquisition looks at and was not given.
void Query::check_given(const crc_active::Problem& problem) const {
  const Acquisition& acquisition = find_acquisition(options_.config.name);
  const auto need = [&](Trait trait, bool given, const std::string& what) {
    if (acquisition.has(trait) && !given)
      fail(ExitCode::config, fmt::format("acquisition \"{}\" looks at {}", options_.config.name, what));
  };
  need(Trait::samples, is_given(samples_),
       fmt::format("the logits of several stochastic passes: give {}, [passes,items,classes]", option("samples")));
  if (problem.labeled.empty()) return;
  need(Trait::head, is_given(head_),
       fmt::format("the last linear layer: give {}, [classes,D], and {}", option("head"), option("bias")));
  need(Trait::labels, !problem.labels.empty(),
       fmt::format(
           "the classes of what is labelled: give {}, integers [items] with -1 for unknown{}", option("labels"),
           options_.command_line ? " (.npy), a CSV file with columns item and class, or a run's directory" : ""));
}

void Query::take_lists(const crc_active::Problem& problem) {
  labeled_ = checked_items(problem.labeled, items_, "labeled");
  check_given(problem);
  if (!problem.labels.empty() && problem.labels.size() != problem.labeled.size())
    fail(ExitCode::config, fmt::format("{} classes for {} labelled items; give one for each", problem.labels.size(),
                                       problem.labeled.size()));
  labels_.assign(problem.labels.size(), 0);
  for (size_t k = 0; k < problem.labels.size(); ++k)
    labels_[size_t(std::ranges::lower_bound(labeled_, problem.labeled[k]) - labeled_.begin())] = problem.labels[k];
  if (problem.unlabeled) {
    unlabeled_ = checked_items(*problem.unlabeled, items_, "unlabeled");
  } else {
    for (int64_t item = 0, next = 0; item < items_; ++item)
      if (next < int64_t(labeled_.size()) && labeled_[size_t(next)] == item)
        ++next;
      else
        unlabeled_.push_back(item);
  }
  const int64_t model = is_given(head_) ? extent_of(head_, 0) : extent_of(samples_, 2);
  classes_ = asked_classes_ > 0      ? asked_classes_
             : logits_.columns() > 0 ? logits_.columns()
                                     : std::max<int64_t>(1, model);
  if (asked_classes_ == 0 && logits_.columns() == 0 && model == 0 && !labels_.empty())
    classes_ = std::max<int64_t>(classes_, std::ranges::max(labels_) + 1);
}

void Query::take_candidates(const crc_active::Problem& problem, int64_t group_size) {
  Config& config = options_.config;
  any_candidates_ = !problem.candidates.empty();
  if (group_size > 0) config.group_size = group_size;
  if (!any_candidates_) {
    if (options_.candidates) config.search = Search::given;  // a list without groups
    return;
  }
  for (int64_t item : problem.candidates)
    if (item < 0 || item >= items_)
      fail(
          ExitCode::corrupt_data,
          fmt::format("candidates: item {} is outside the rows; items are row numbers from 0 to {}", item, items_ - 1));
  if (config.group_size < 1 || int64_t(problem.candidates.size()) % config.group_size != 0)
    fail(ExitCode::config,
         fmt::format("{} items of candidates are no groups of {}", problem.candidates.size(), config.group_size));
  config.given.assign(problem.candidates.begin(), problem.candidates.end());
  config.search = Search::given;
}

void Query::load_model(Context& context) {
  sample_view_ = load_floats<3>(context, samples_, "samples", "[passes,items,classes]", converted_);
  head_view_.weight = load_floats<2>(context, head_, "head", "[classes,D]", converted_);
  head_view_.bias = load_floats<1>(context, bias_, "bias", "[classes]", converted_);
  if (head_view_.bias.size() > 0 && head_view_.bias.shape[0] != head_view_.weight.shape[0])
    fail(ExitCode::corrupt_data,
         fmt::format("{} holds {} biases and {} is a head of {} classes", called(bias_, "bias"),
                     head_view_.bias.shape[0], called(head_, "head"), head_view_.weight.shape[0]));
}

void Query::take(const crc_active::Problem& problem, int64_t group_size) {
  take_lists(problem);
  take_candidates(problem, group_size);
  weights_ = problem.weights, class_weights_ = problem.class_weights;
  if (!weights_.empty() && !class_weights_.empty())
    fail(ExitCode::usage,
         fmt::format("weights and {} both say what an item counts: give one of them", option("class_weights")));
  if (!weights_.empty() && int64_t(weights_.size()) != items_)
    fail(ExitCode::corrupt_data, fmt::format("{} weights for {} items; give one for each", weights_.size(), items_));
}

void Query::load(Context& context) {
  if (scores_groups(options_.config.name)) check_candidates(options_.config, machine_bytes());
  if (together() || !copies_fit(context)) return share_rows(context);
  load_model(context);
  features_.load(context, Precision::as_stored);
  logits_.load(context, Precision::as_stored);
}

// The copy in fp32 or fp64 of arrays that do not stand where they are, and the one that an acquisition makes: of rows of
// unit length, or crc's of D+1 fp64 numbers. True where rows cannot be read again for every pass instead.
bool Query::copies_fit(Context& context) const {
  constexpr double kShare = 0.85;        // of the memory; others want some
  constexpr double kOfGroups = 1 << 30;  // for crc, which takes no longer without, once they are in no cache
  const Acquisition& acquisition = find_acquisition(options_.config.name);
  if (context.device().kind != DeviceKind::cpu || !acquisition.has(Trait::shards)) return true;
  const auto copied = [](const RowArrays& arrays) {
    const std::vector<Array>& files = arrays.files();
    const bool wide = std::ranges::any_of(files, [](const Array& a) { return a.type == crc_active::Type::f64; });
    const bool stands = files.size() == 1 && (wide || files[0].type == crc_active::Type::f32);
    return stands ? 0.0 : double(arrays.items()) * double(arrays.columns()) * (wide ? 8 : 4);
  };
  double bytes = double(bytes_per_item()) * double(items_) + copied(features_) + copied(logits_);
  if (acquisition.has(Trait::features))
    bytes += double(items_) * (scores_groups(options_.config.name) ? 8.0 * double(features_.columns() + 1)
                                                                   : 4.0 * double(features_.columns()));
  if (options_.copy_bytes > 0) return bytes <= double(options_.copy_bytes);
  const double most = kShare * double(machine_bytes());
  return bytes <= (scores_groups(options_.config.name) ? std::min(kOfGroups, most) : most);
}

// Bytes for every item of the whole pool in each process: lists, scores and candidates; its cluster; how it is covered
// and bounds of gains; what picks stand for.
int64_t Query::bytes_per_item() const {
  constexpr int64_t kLists = 88, kClusters = 40, kCoverage = 112, kRepresented = 80, kKept = 48;
  const std::string& name = options_.config.name;
  const Acquisition& acquisition = find_acquisition(name);
  const bool clusters = name == "kmeans" || name == "typiclust" || options_.per_cluster > 0;
  const bool pairs = acquisition.has(Trait::radius) || acquisition.has(Trait::partitions);
  return kLists + (clusters ? kClusters : 0) + (pairs ? kCoverage : 0) + (options_.represents ? kRepresented : 0) +
         (options_.config.checkpoint ? kKept : 0);
}

// What each process will need is said, and refused where it is more than its machine has.
void Query::share_rows(Context& context) {
  constexpr int64_t kBlocks = int64_t(400) << 20;  // rows on their way
  constexpr double kGib = 1 << 30;
  Ranks& ranks = options_.ranks ? *options_.ranks : alone_;
  const int size = ranks.size();
  std::vector<int64_t> cuts = options_.cuts;
  for (int r = 0; cuts.empty() || int(cuts.size()) <= size; ++r) cuts.push_back(Share::cut(items_, r, size));
  shards_.emplace(Shards{ranks, items_, {}, {}});
  const Acquisition& acquisition = find_acquisition(options_.config.name);
  int64_t mapped = 0;
  const auto share = [&](const RowArrays& arrays, const char* what, std::optional<ShardedRows>& rows) {
    if (arrays.items() == 0) return;
    rows.emplace(context, ranks, arrays.files(), what, cuts, options_.block_bytes);
    if (acquisition.has(what == std::string_view("features") ? Trait::features : Trait::logits))
      mapped += rows->own_bytes();
  };
  share(features_, "features", shards_->features);
  share(logits_, "logits", shards_->logits);
  const int64_t moments =
      scores_groups(options_.config.name) ? 16 * 8 * (features_.columns() + 1) * (features_.columns() + 1) : 0;
  const int64_t cotangents =
      options_.config.name == "badge" ? (items_ / size + 1) * logits_.columns() * int64_t(sizeof(float)) : 0;
  const int64_t bytes = bytes_per_item() * items_ + moments + cotangents + kBlocks;
  if (bytes > machine_bytes())
    fail(ExitCode::out_of_memory,
         fmt::format("{} items in {} processes: each needs {:.3g} GB, {} bytes for every item of all among them, and "
                     "this machine has {:.3g} GB; start one process on each machine, and take larger machines",
                     items_, size, double(bytes) / 1e9, bytes_per_item(), double(machine_bytes()) / 1e9));
  if (!options_.config.say) return;
  std::string all = fmt::format("{} processes, {} items; in each at", size, items_);
  if (size == 1) all = fmt::format("{} items, whose rows are read again for every pass and not copied; at", items_);
  options_.config.say(fmt::format("{} most {:.1f} GiB of memory beside about {:.1f} GiB of mapped rows", all,
                                  double(bytes) / kGib, double(mapped) / kGib));
}

std::vector<std::string> Query::notes() const {
  const Config& config = options_.config;
  const Acquisition& acquisition = find_acquisition(config.name);
  std::vector<std::string> notes;
  const auto note = [&](const std::string& what, const std::string& why) {
    notes.push_back(fmt::format("{} has no effect {}", what, why));
  };
  const std::string with = fmt::format("with {} {}", option("acquisition"), config.name);
  const Config defaults;
  if (config.radius > 0 && !acquisition.has(Trait::radius)) note(option("radius"), with + ", which has none");
  if (config.partitions > 1 && !acquisition.has(Trait::partitions))
    note(option("partitions"), with + ", which looks at the whole pool");
  if (config.bait_top > 0 && config.name != "bait") note(option("bait_top"), with);
  for (const auto& [name, given, trait] :
       {std::tuple{"samples", is_given(samples_), Trait::samples}, std::tuple{"head", is_given(head_), Trait::head},
        std::tuple{"labels", !labels_.empty() && options_.command_line, Trait::labels}})
    if (given && !acquisition.has(trait)) note(option(name), with + ", which does not look at it");
  if (!scores_groups(config.name)) {
    const std::string why = with + ", which scores items one by one";
    if (config.group_size != 1) note(option("group"), why);
    if (config.search != defaults.search) note(option("search"), why);
    if (config.solver != defaults.solver) note(option("solver"), why);
    if (config.candidates > 0) note(option("draws"), why);
  } else if (any_candidates_ && (asked_search_ != defaults.search || config.candidates > 0)) {
    note(option("search") + " or " + option("draws"), "with " + option("candidates"));
  } else if (config.candidates != drawn_candidates(config)) {
    note(option("draws"),
         fmt::format("with {} {}: it is of independent groups", option("search"), word_of(config.search)));
  }
  return notes;
}

// Weights of the items, empty: 1 each; quotas go into the configuration.
std::vector<double> Query::diversify(Context& context, const Problem& problem, Config& config) const {
  std::vector<double> item_weights(weights_.begin(), weights_.end());
  if (!item_weights.empty()) check_takes(config, Trait::weights);
  if (!class_weights_.empty()) {
    check_takes(config, Trait::weights);
    check_class_weights(class_weights_, logits_.columns());
    for (int32_t c : predicted_classes(context, problem, config)) item_weights.push_back(class_weights_[size_t(c)]);
  }
  const int64_t quota = options_.quota, clusters = options_.per_cluster;
  if (quota == 0 && clusters == 0) return item_weights;
  check_takes(config, Trait::quotas);
  config.quota = quota > 0 ? quota : (config.budget + clusters - 1) / clusters;
  config.parts =
      clusters > 0 ? feature_clusters(context, problem, config, clusters) : predicted_classes(context, problem, config);
  return item_weights;
}

Chosen Query::choose(Context& context) const {
  Problem problem{.features = features_.rows(),
                  .logits = logits_.rows(),
                  .labeled = labeled_,
                  .unlabeled = unlabeled_,
                  .classes = classes_,
                  .labels = labels_,
                  .samples = sample_view_,
                  .head = head_view_,
                  .shards = shards_ ? &*shards_ : nullptr};
  Chosen found;
  found.config = options_.config;
  const std::vector<double> weights = diversify(context, problem, found.config);
  problem.weights = weights;
  found.selection = select(context, problem, found.config);
  if (options_.represents) found.represented = represent(context, problem, found.config, found.selection.picks);
  found.outlook = outlook(context, problem, found.config, found.selection,
                          found.represented.items.empty() ? nullptr : &found.represented)
                      .words();
  found.config.say = {}, found.config.progress = {}, found.config.checkpoint = nullptr;
  return found;
}

}  // namespace crc::select
