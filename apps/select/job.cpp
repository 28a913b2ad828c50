#include "apps/select/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "apps/base/outputs.h"
#include "apps/base/program.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/rundir/query_files.h"
#include "apps/select/class_weights.h"
#include "apps/select/image_files.h"
#include "apps/select/items.h"
#include "apps/select/outlook.h"
#include "apps/select/row_file.h"
#include "apps/select/summary.h"
#include "crc/batch_mode.h"
#include "crc/quotas.h"
#include "data/csv.h"
#include "data/mapped.h"
#include "data/npy.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::vector<fs::path> outputs(const SelectJob& job) {
  std::vector<fs::path> files;
  for (const fs::path& file : {job.out, job.scores, job.groups, job.represents, job.summary, job.sheet})
    if (!file.empty()) files.push_back(file);
  return files;
}

std::vector<fs::path> inputs(const SelectJob& job) {
  std::vector<fs::path> files{job.candidates,    job.images,     weights_file(job.class_weights),
                              job.model.samples, job.model.head, job.model.bias,
                              job.model.labels};
  for (const auto* arrays : {&job.features, &job.logits}) files.insert(files.end(), arrays->begin(), arrays->end());
  for (const auto* lists : {&job.labeled, &job.unlabeled})
    for (const fs::path& file : *lists) files.push_back(is_folder(file) ? file / "labels.jsonl" : file);
  return files;
}

std::string named(std::span<const fs::path> files) {
  if (files.empty()) return "";
  return files.size() == 1 ? files[0].string() : fmt::format("{} and {} more", files[0].string(), files.size() - 1);
}

void check_options(const SelectJob& job) {
  if (job.config.search == select::Search::given && job.candidates.empty())
    fail(ExitCode::usage, "--search given takes the groups of --candidates; name the file");
  if (!job.summary.empty() && job.summary.extension() != ".html")
    fail(ExitCode::usage,
         fmt::format("--summary {}: the summary is a page; name a file that ends in .html", job.summary.string()));
  if (!job.sheet.empty() && job.images.empty())
    fail(ExitCode::usage, "--sheet needs --images: a folder of PNG files, or a list with one path a line");
  if (!job.represents.empty() && job.features.empty())
    fail(ExitCode::usage, "--represents needs --features: the nearest item is the one with the nearest features");
  if (job.per_cluster > 0 && job.features.empty())
    fail(ExitCode::usage, "--per-cluster needs --features, which it clusters");
  if (job.logits.empty() && !job.class_weights.empty())
    fail(ExitCode::usage, "--class-weights needs --logits, which predict the class of each item");
  if (job.logits.empty() && job.quota > 0 && job.per_cluster == 0)
    fail(ExitCode::usage, "--quota needs --logits, which predict the class of each item, or --per-cluster");
}

// Those that differentiate through a network, and what comes closest without one.
void check_acquisition(const std::string& name) {
  const select::Acquisition& acquisition = select::find_acquisition(name);
  if (!acquisition.has(select::Trait::jacobians)) return;
  const char* closest = acquisition.has(select::Trait::groups) ? "crc" : "egl_last";
  fail(ExitCode::config, fmt::format("acquisition \"{}\" needs the network's Jacobians, which no array holds; use "
                                     "\"{}\", or crc_train run with acquisition.name = \"{}\"",
                                     name, closest, name));
}

// What it looks at and was not given.
void check_given(const SelectJob& job, bool any_labeled) {
  const select::Acquisition& acquisition = select::find_acquisition(job.config.name);
  const auto need = [&](select::Trait trait, const fs::path& path, const char* what) {
    if (acquisition.has(trait) && path.empty())
      fail(ExitCode::config, fmt::format("acquisition \"{}\" looks at {}", job.config.name, what));
  };
  need(select::Trait::samples, job.model.samples,
       "the logits of several stochastic passes: give --samples, [passes,items,classes]");
  if (!any_labeled) return;
  need(select::Trait::head, job.model.head, "the last linear layer: give --head, [classes,D], and --bias");
  need(select::Trait::labels, job.model.labels,
       "the classes of what is labelled: give --labels, integers [items] with -1 for unknown (.npy), a CSV file with "
       "columns item and class, or a run's directory");
}

// What is scored, in memory.
struct Inputs {
  RowFile features, logits;
  ModelFiles model;
  int64_t items;
  std::vector<int64_t> labeled, unlabeled;
  ImageFiles images;
  std::vector<int32_t> labels;  // of `labeled`
  select::Config config;
  int64_t classes;

  Inputs(Context& context, const SelectJob& job)
      : features(context, job.features, "features", Precision::as_stored, job.dtype == "bf16"),
        logits(context, job.logits, "logits", Precision::as_stored, job.dtype == "bf16"),
        model(context, job.model),
        items(features.items() > 0 ? features.items()
              : logits.items() > 0 ? logits.items()
                                   : model.items()),
        config(job.config),
        classes(job.classes > 0        ? job.classes
                : logits.columns() > 0 ? logits.columns()
                                       : std::max<int64_t>(1, model.classes())) {
    if (items == 0)
      fail(ExitCode::usage, "nothing to choose from: give --features, --logits or --samples, one row per item");
    if (logits.items() > 0 && logits.items() != items)
      fail(ExitCode::corrupt_data, fmt::format("{} has {} rows and {} has {}; row i of both must be item i",
                                               named(job.features), items, named(job.logits), logits.items()));
    if (job.dtype == "bf16" && !features.has_bf16() && !logits.has_bf16())
      fail(ExitCode::corrupt_data,
           "--dtype bf16 says what uint16 arrays hold, and there is none: leave it out, or save bf16 with "
           "numpy.save(file, tensor.view(torch.uint16).numpy())");
    model.check({named(job.features), features.items(), features.columns()},
                {named(job.logits), logits.items(), logits.columns()});
    labeled = read_item_lists(job.labeled, items);
    check_given(job, !labeled.empty());
    if (!job.model.labels.empty()) read_labels_of_labeled(job);
    unlabeled = job.unlabeled.empty() ? all_but(labeled, items) : read_item_lists(job.unlabeled, items);
    std::ranges::sort(labeled), std::ranges::sort(unlabeled);
    if (!job.candidates.empty()) {
      CandidateGroups groups = read_candidates(job.candidates, items);
      config.group_size = groups.size;
      config.given = std::move(groups.members);
      config.search = select::Search::given;
    }
    check_kept(job);
    if (!job.images.empty()) images = list_image_files(job.images, items);
  }
  void read_labels_of_labeled(const SelectJob& job) {
    const std::vector<int32_t> all = read_labels(job.model.labels, items);
    for (int64_t item : labeled) {
      labels.push_back(all[size_t(item)]);
      if (labels.back() < 0)
        fail(ExitCode::corrupt_data,
             fmt::format("item {} is labelled, and {} says no class of it", item, job.model.labels.string()));
    }
    if (job.classes == 0 && logits.columns() == 0 && model.classes() == 0 && !labels.empty())
      classes = std::max<int64_t>(classes, std::ranges::max(labels) + 1);
  }
  // So many candidates that their items are not kept cannot be written.
  void check_kept(const SelectJob& job) const {
    const int64_t drawn = select::drawn_candidates(config);
    const double numbers = drawn > 0 ? double(drawn) * double(config.group_size) : double(items);
    if (!job.groups.empty() && numbers > double(select::kListedMembers))
      fail(ExitCode::config,
           fmt::format("--groups {}: {:.0f} item numbers of candidates are more than the {} that are kept; "
                       "draw fewer groups, or leave --groups out",
                       job.groups.string(), numbers, select::kListedMembers));
  }
  select::Problem problem() const {
    return {.features = features.rows(),
            .logits = logits.rows(),
            .labeled = labeled,
            .unlabeled = unlabeled,
            .classes = classes,
            .labels = labels,
            .samples = model.samples(),
            .head = model.head()};
  }
};

// Weights of items by class, quotas of classes or clusters.
// Weights of the items by --class-weights, empty: 1 each; quotas go into the configuration.
std::vector<double> diversify(Context& context, const SelectJob& job, const select::Problem& problem,
                              select::Config& config) {
  std::vector<double> item_weights;
  if (!job.class_weights.empty()) {
    select::check_takes(config, select::Trait::weights);
    const int64_t classes = std::visit([](const auto& view) { return view.shape[1]; }, problem.logits);
    const std::vector<double> weights = read_class_weights(job.class_weights, classes);
    for (int32_t c : select::predicted_classes(context, problem, config)) item_weights.push_back(weights[size_t(c)]);
  }
  if (job.quota == 0 && job.per_cluster == 0) return item_weights;
  select::check_takes(config, select::Trait::quotas);
  config.quota = job.quota > 0 ? job.quota : (config.budget + job.per_cluster - 1) / job.per_cluster;
  config.parts = job.per_cluster > 0 ? select::feature_clusters(context, problem, config, job.per_cluster)
                                     : select::predicted_classes(context, problem, config);
  return item_weights;
}

// What a selection found, and what was asked about it.
struct Chosen {
  select::Config config;  // with what diversify() made of it
  select::Selection selection;
  select::Represented represented;  // empty: not asked for
  std::string outlook;
};

// With what a long one will take, and where it stands.
Chosen find_picks(Context& context, const SelectJob& job, select::Problem problem, const select::Config& config) {
  constexpr double kPlainLines = 30;  // seconds between two where stderr is no terminal
  const ProgressOptions options = ProgressOptions::for_stderr(false, kPlainLines, {});
  Progress progress(options);
  Chosen found;
  found.config = config;
  found.config.say = [&](const std::string& words) {
    if (options.terminal)
      progress.line(words);
    else
      print_error("{}\n", words);
  };
  found.config.progress = [&](const char* what, int64_t done, int64_t total) {
    progress.update({what, done, total, ""});
  };
  const std::vector<double> weights = diversify(context, job, problem, found.config);
  problem.weights = weights;
  found.selection = select::select(context, problem, found.config);
  const bool has_distances = !job.summary.empty() && select::find_acquisition(config.name).has(select::Trait::features);
  if (!job.represents.empty() || has_distances)
    found.represented = select::represent(context, problem, found.config, found.selection.picks);
  found.outlook = outlook(context, problem, found.config, found.selection,
                          found.represented.items.empty() ? nullptr : &found.represented)
                      .words();
  found.config.say = {}, found.config.progress = {};
  return found;
}

std::string represents_csv(const select::Represented& represented) {
  data::CsvWriter csv({"item", "pick", "distance"});
  for (size_t k = 0; k < represented.items.size(); ++k) {
    csv.number(represented.items[k]).number(represented.by[k]);
    csv.number(fmt::format("{:.9g}", represented.distances[k])).end_row();
  }
  return csv.str();
}

// Options that the acquisition or the search does not look at.
void note_unused(const SelectJob& job, const Inputs& in) {
  const auto note = [](const char* option, const std::string& why) {
    print_error("note: {} has no effect {}\n", option, why);
  };
  const select::Config defaults;
  if (in.config.radius > 0 && !select::find_acquisition(in.config.name).has(select::Trait::radius))
    note("--radius", "with --acquisition " + in.config.name + ", which has none");
  if (in.config.partitions > 1 && !select::find_acquisition(in.config.name).has(select::Trait::partitions))
    note("--partitions", "with --acquisition " + in.config.name + ", which looks at the whole pool");
  if (in.config.bait_top > 0 && in.config.name != "bait") note("--bait-top", "with --acquisition " + in.config.name);
  for (const auto& [option, path, trait] : {std::tuple{"--samples", job.model.samples, select::Trait::samples},
                                            {"--head", job.model.head, select::Trait::head},
                                            {"--labels", job.model.labels, select::Trait::labels}})
    if (!path.empty() && !select::find_acquisition(in.config.name).has(trait))
      note(option, "with --acquisition " + in.config.name + ", which does not look at it");
  if (!select::scores_groups(in.config.name)) {
    const std::string why = "with --acquisition " + in.config.name + ", which scores items one by one";
    if (in.config.group_size != 1) note("--group", why);
    if (in.config.search != defaults.search) note("--search", why);
    if (in.config.solver != defaults.solver) note("--solver", why);
    if (in.config.candidates > 0) note("--draws", why);
  } else if (!job.candidates.empty() && (job.config.search != defaults.search || in.config.candidates > 0)) {
    note("--search or --draws", "with --candidates");
  } else if (in.config.candidates != select::drawn_candidates(in.config)) {
    note("--draws", fmt::format("with --search {}: it is of independent groups", word_of(in.config.search)));
  }
}

void put_arrays(Outputs& files, const SelectJob& job, const select::Selection& s) {
  const int64_t count = int64_t(s.scores.size());
  if (!job.scores.empty()) files.put(job.scores, data::encode_npy<double>(s.scores, std::vector<int64_t>{count}));
  if (!job.groups.empty())
    files.put(job.groups, data::encode_npy<int64_t>(s.candidates, std::vector<int64_t>{count, s.group_size}));
}

std::vector<std::pair<std::string, std::string>> describe_inputs(const SelectJob& job, const Inputs& in) {
  std::vector<std::pair<std::string, std::string>> rows;
  if (!job.features.empty()) rows.emplace_back("features", in.features.describe());
  if (!job.logits.empty()) rows.emplace_back("logits", in.logits.describe());
  for (const auto& row : in.model.describe()) rows.push_back(row);
  if (!job.model.labels.empty()) rows.emplace_back("labels", job.model.labels.string());
  for (const fs::path& file : job.labeled) rows.emplace_back("labelled", file.string());
  for (const fs::path& file : job.unlabeled) rows.emplace_back("unlabelled", file.string());
  if (!job.candidates.empty()) rows.emplace_back("candidates", job.candidates.string());
  if (!job.images.empty()) rows.emplace_back("images", job.images.string());
  return rows;
}

}  // namespace

std::string run_select(const SelectJob& job) {
  Outputs files(outputs(job), {.force = job.force, .inputs = inputs(job)});
  check_options(job);
  check_acquisition(job.config.name);
  const auto start = std::chrono::steady_clock::now();
  Context context = Context::from_name(job.device, Context::For::selection);
  if (!context.choice().empty()) print_error("device auto: {}\n", context.choice());
  if (job.threads > 0 && context.device().kind == DeviceKind::cpu) context = Context::cpu(job.threads);
  const Inputs in(context, job);
  files.protect(in.images.paths);
  note_unused(job, in);
  if (select::scores_groups(in.config.name)) select::check_candidates(in.config, machine_memory());
  const double reading = seconds_since(start);
  const auto selecting = std::chrono::steady_clock::now();
  const Chosen found = find_picks(context, job, in.problem(), in.config);
  const select::Selection& selection = found.selection;
  const auto standings = select::standings(found.represented);
  const SelectFacts facts{.config = found.config,
                          .selection = selection,
                          .items = in.items,
                          .features = in.features.columns(),
                          .labeled = int64_t(in.labeled.size()),
                          .unlabeled = int64_t(in.unlabeled.size()),
                          .classes = in.classes,
                          .inputs = describe_inputs(job, in),
                          .command = job.command,
                          .device = context.describe(),
                          .reading_s = reading,
                          .selecting_s = seconds_since(selecting),
                          .standings = standings,
                          .weighted = !job.class_weights.empty(),
                          .outlook = found.outlook};
  data::check_mapped_files();
  files.put(job.out, picks_csv(selection, in.images.names,
                               job.represents.empty() ? std::map<int64_t, select::Standing>{} : standings));
  files.commit();  // what took time is kept, whatever happens to the others
  put_arrays(files, job, selection);
  if (!job.represents.empty()) files.put(job.represents, represents_csv(found.represented));
  files.commit();
  std::string sheet;
  if (!job.images.empty() && (!job.sheet.empty() || !job.summary.empty()))
    sheet = picks_sheet_png(
        in.images, selection.picks,
        fmt::format("{}: {} picked, {}best first", in.config.name, selection.picks.size(),
                    selection.picks.size() > kMostOnSheet ? fmt::format("the first {} shown, ", kMostOnSheet) : ""));
  files.put(job.sheet, sheet);
  if (!job.summary.empty()) files.put(job.summary, select_page(facts, sheet));
  files.commit();
  std::string written = "wrote";
  for (const fs::path& file : outputs(job)) written += " " + file.string();
  return select_lines(facts) + written + "\n";
}

std::string shell_words(std::span<char* const> arguments) {
  std::string line;
  for (const std::string word : arguments) {
    if (!line.empty()) line += ' ';
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                            "_-+=./,:@%") == word.npos;
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace crc::apps
