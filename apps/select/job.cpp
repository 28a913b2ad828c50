#include "apps/select/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "apps/base/outputs.h"
#include "apps/base/program.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/base/version.h"
#include "apps/rundir/query_files.h"
#include "apps/select/checkpoint_folder.h"
#include "apps/select/class_weights.h"
#include "apps/select/image_files.h"
#include "apps/select/items.h"
#include "apps/select/row_file.h"
#include "apps/select/summary.h"
#include "crc/batch_mode.h"
#include "crc/query.h"
#include "data/csv.h"
#include "data/mapped.h"
#include "data/npy.h"
#include "data/text.h"
#include "kernels/core/error.h"
#include "kernels/cpu/lapack.h"

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

void check_options(const SelectJob& job) {
  if (!job.summary.empty() && job.summary.extension() != ".html")
    fail(ExitCode::usage,
         fmt::format("--summary {}: the summary is a page; name a file that ends in .html", job.summary.string()));
  if (!job.sheet.empty() && job.images.empty())
    fail(ExitCode::usage, "--sheet needs --images: a folder of PNG files, or a list with one path a line");
  if (job.checkpoint.empty()) return;
  for (const auto& files : {inputs(job), outputs(job)})
    for (const fs::path& file : files)
      if (!file.empty() && lies_in(file / "itself", job.checkpoint))
        fail(ExitCode::usage,
             fmt::format("{} is or lies in --checkpoint {}, which is removed when the picks are written; name "
                         "a folder of its own",
                         file.string(), job.checkpoint.string()));
}

bool has_distances(const SelectJob& job) {
  return !job.summary.empty() && !job.features.empty() &&
         select::find_acquisition(job.config.name).has(select::Trait::features);
}

// The problem that the files hold.
struct Inputs {
  RowFiles features, logits;
  ModelFiles model;
  crc_active::Problem problem;  // points into this
  std::vector<int64_t> labeled, unlabeled;
  CandidateGroups candidates;
  std::vector<int32_t> labels;  // of `labeled`
  std::vector<double> class_weights;
  ImageFiles images;

  explicit Inputs(const SelectJob& job)
      : features(job.features, "features", job.dtype == "bf16"),
        logits(job.logits, "logits", job.dtype == "bf16"),
        model(job.model) {
    problem.features = features.arrays(), problem.logits = logits.arrays();
    problem.samples = model.samples(), problem.head = model.head(), problem.bias = model.bias();
    problem.classes = job.classes;
    if (job.dtype == "bf16" && !features.has_bf16() && !logits.has_bf16())
      fail(ExitCode::corrupt_data,
           "--dtype bf16 says what uint16 arrays hold, and there is none: leave it out, or save bf16 with "
           "numpy.save(file, tensor.view(torch.uint16).numpy())");
  }
  void read_lists(const SelectJob& job, int64_t items) {
    problem.labeled = labeled = read_item_lists(job.labeled, items);
    if (!job.model.labels.empty()) read_labels_of_labeled(job, items);
    if (!job.unlabeled.empty()) problem.unlabeled = unlabeled = read_item_lists(job.unlabeled, items);
    if (!job.candidates.empty()) problem.candidates = (candidates = read_candidates(job.candidates, items)).members;
    if (!job.class_weights.empty())
      problem.class_weights = class_weights = read_class_weights(job.class_weights, logits.columns());
    if (!job.images.empty()) images = list_image_files(job.images, items);
  }
  void read_labels_of_labeled(const SelectJob& job, int64_t items) {
    const std::vector<int32_t> all = read_labels(job.model.labels, items);
    for (int64_t item : labeled) {
      labels.push_back(all[size_t(item)]);
      if (labels.back() < 0)
        fail(ExitCode::corrupt_data,
             fmt::format("item {} is labelled, and {} says no class of it", item, job.model.labels.string()));
    }
    problem.labels = labels;
  }
};

// So many candidates that their items are not kept cannot be written.
void check_kept(const SelectJob& job, const select::Query& query) {
  const int64_t drawn = select::drawn_candidates(query.config());
  const double numbers = drawn > 0 ? double(drawn) * double(query.config().group_size) : double(query.items());
  if (!job.groups.empty() && numbers > double(select::kListedMembers))
    fail(ExitCode::config,
         fmt::format("--groups {}: {:.0f} item numbers of candidates are more than the {} that are kept; "
                     "draw fewer groups, or leave --groups out",
                     job.groups.string(), numbers, select::kListedMembers));
}

// All that decides what is picked, by the files' content: another name or place makes no other selection.
Facts selection_facts(const SelectJob& job, const Inputs& in, const select::Query& query, Ranks& ranks) {
  const auto sum = [](const auto& numbers) {
    const std::span values(numbers);
    return fmt::format("{} {}", values.size(),
                       checksum({reinterpret_cast<const char*>(values.data()), values.size_bytes()}));
  };
  const auto ascending = [&](std::vector<int64_t> items) { return std::ranges::sort(items), sum(items); };
  const select::Config& c = query.config();
  std::vector<std::pair<int64_t, int64_t>> labels;
  for (size_t k = 0; k < in.labels.size(); ++k) labels.emplace_back(in.labeled[k], in.labels[k]);
  std::ranges::sort(labels);
  Facts facts{{"program", version() + " " + commit()},
              {"libraries, by their kernels for this CPU", openblas_version()},
              {"acquisition", c.name},
              {"budget", std::to_string(c.budget)},
              {"group", std::to_string(c.group_size)},
              {"search", std::string(word_of(c.search))},
              {"draws", std::to_string(c.candidates)},
              {"solver", std::string(word_of(c.solver))},
              {"radius", fmt::format("{}", c.radius)},
              {"partitions", std::to_string(c.partitions)},
              {"bait-top", std::to_string(c.bait_top)},
              {"classes", std::to_string(query.classes())},
              {"quota", std::to_string(job.quota)},
              {"per-cluster", std::to_string(job.per_cluster)},
              {"seed", std::to_string(c.seed)},
              {"round", std::to_string(c.round)},
              {"labeled", ascending(in.labeled)},
              {"labels", sum(labels)},
              {"unlabeled", job.unlabeled.empty() ? "all others" : ascending(in.unlabeled)},
              {"candidates", sum(in.candidates.members)},
              {"class weights", sum(in.class_weights)}};
  const auto add = [&](const std::string& name, const crc_active::Array& array) {
    if (array.data) facts.emplace_back(name, identity_of(array, ranks));
  };
  for (const auto& [name, arrays] :
       {std::pair("features", &in.problem.features), std::pair("logits", &in.problem.logits)})
    for (size_t k = 0; k < arrays->size(); ++k) add(fmt::format("{}, file {}", name, k + 1), (*arrays)[k]);
  add("samples", in.problem.samples), add("head", in.problem.head), add("bias", in.problem.bias);
  return facts;
}

// With what a long one will take, and where it stands.
class Reporter {
 public:
  void attach(select::Config& config) {
    config.say = [this](const std::string& words) {
      if (options_.terminal)
        progress_.line(words);
      else
        print_error("{}\n", words);
    };
    config.progress = [this](const char* what, int64_t done, int64_t total) {
      progress_.update({what, done, total, ""});
    };
  }

 private:
  static constexpr double kPlainLines = 30;  // seconds between two where stderr is no terminal
  ProgressOptions options_ = ProgressOptions::for_stderr(false, kPlainLines, {});
  Progress progress_{options_};
};

std::string represents_csv(const select::Represented& represented) {
  data::CsvWriter csv({"item", "pick", "distance"});
  for (size_t k = 0; k < represented.items.size(); ++k) {
    csv.number(represented.items[k]).number(represented.by[k]);
    csv.number(fmt::format("{:.9g}", represented.distances[k])).end_row();
  }
  return csv.str();
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

// What the picks look like, and what was asked for beside them.
void put_pictures(Outputs& files, const SelectJob& job, const ImageFiles& images, const SelectFacts& facts) {
  const std::vector<int64_t>& picks = facts.selection.picks;
  std::string sheet;
  if (!job.images.empty() && (!job.sheet.empty() || !job.summary.empty()))
    sheet = picks_sheet_png(
        images, picks,
        fmt::format("{}: {} picked, {}best first", job.config.name, picks.size(),
                    picks.size() > kMostOnSheet ? fmt::format("the first {} shown, ", kMostOnSheet) : ""));
  files.put(job.sheet, sheet);
  if (!job.summary.empty()) files.put(job.summary, select_page(facts, sheet));
}

std::string exchanged(const Ranks& ranks) {
  if (ranks.size() == 1) return "";
  return fmt::format("{} processes; this one sent {:.4g} MB in {} exchanges\n", ranks.size(),
                     double(ranks.bytes()) / 1e6, ranks.exchanges());
}

}  // namespace

std::string run_select(const SelectJob& job, Ranks& ranks) {
  std::optional<CheckpointFolder> checkpoint;
  std::optional<Outputs> files;
  if (ranks.rank() == 0) {
    OutputRules rules{.force = job.force, .inputs = inputs(job), .own = CheckpointFolder::announced(job.checkpoint)};
    if (!job.checkpoint.empty()) rules.announce = [&](const auto& contents) { checkpoint->announce(contents); };
    files.emplace(outputs(job), std::move(rules));
  }
  check_options(job);
  const auto start = std::chrono::steady_clock::now();
  Inputs in(job);
  std::optional<Reporter> reporter(std::in_place);
  select::QueryOptions options{.config = job.config,
                               .quota = job.quota,
                               .per_cluster = job.per_cluster,
                               .represents = !job.represents.empty() || has_distances(job),
                               .candidates = !job.candidates.empty(),
                               .class_weights = !job.class_weights.empty(),
                               .command_line = true,
                               .ranks = &ranks};
  reporter->attach(options.config);
  select::Query query(in.problem, std::move(options));
  Context context = Context::from_name(job.device, Context::For::selection);
  if (!context.choice().empty()) print_error("device auto: {}\n", context.choice());
  if (job.threads > 0 && context.device().kind == DeviceKind::cpu) context = Context::cpu(job.threads);
  in.read_lists(job, query.items());
  query.take(in.problem, job.candidates.empty() ? 0 : in.candidates.size);
  check_kept(job, query);
  if (files) files->protect(in.images.paths);
  for (const std::string& note : query.notes()) print_error("note: {}\n", note);
  if (!job.checkpoint.empty() && !select::find_acquisition(job.config.name).has(select::Trait::shards))
    print_error("note: --checkpoint keeps nothing of --acquisition {}, which begins anew\n", job.config.name);
  if (!job.model.labels.empty() && in.labeled.empty())
    print_error(
        "note: --labels has no effect without --labeled: no item counts as labelled, and those with a class may be "
        "picked too\n");
  if (!job.checkpoint.empty())
    query.keep_passes(checkpoint.emplace(job.checkpoint, ranks, selection_facts(job, in, query, ranks)));
  query.load(context);
  const double reading = seconds_since(start);
  const auto selecting = std::chrono::steady_clock::now();
  const select::Chosen found = query.choose(context);
  reporter.reset();
  data::check_mapped_files();
  ranks.barrier();  // all have found their files as they were
  if (!files) return "";
  const select::Selection& selection = found.selection;
  const auto standings = select::standings(found.represented);
  const SelectFacts facts{.config = found.config,
                          .selection = selection,
                          .items = query.items(),
                          .features = in.features.columns(),
                          .labeled = query.labeled(),
                          .unlabeled = query.unlabeled(),
                          .classes = query.classes(),
                          .inputs = describe_inputs(job, in),
                          .command = job.command,
                          .device = context.describe(),
                          .reading_s = reading,
                          .selecting_s = seconds_since(selecting),
                          .standings = standings,
                          .weighted = !job.class_weights.empty(),
                          .outlook = found.outlook};
  files->put(job.out, picks_csv(selection, in.images.names,
                                job.represents.empty() ? std::map<int64_t, select::Standing>{} : standings));
  files->commit();  // what took time is kept, whatever happens to the others
  put_arrays(*files, job, selection);
  if (!job.represents.empty()) files->put(job.represents, represents_csv(found.represented));
  files->commit();
  put_pictures(*files, job, in.images, facts);
  files->commit();
  if (checkpoint) checkpoint->remove();
  std::string written = "wrote";
  for (const fs::path& file : outputs(job)) written += " " + file.string();
  return select_lines(facts) + exchanged(ranks) + written + "\n";
}

std::string shell_words(std::span<char* const> arguments) {
  std::string line;
  for (const std::string word : arguments) {
    if (!line.empty()) line += ' ';
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                            "_-+=./,:@%") == word.npos;
    line += plain ? word : data::shell_quoted(word);
  }
  return line;
}

}  // namespace crc::apps
