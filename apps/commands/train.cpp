#include "apps/commands/train.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/base/outputs.h"
#include "apps/base/signals.h"
#include "apps/base/terminal.h"
#include "apps/config/recipes.h"
#include "apps/gate/choices_file.h"
#include "apps/report/report.h"
#include "apps/sweep/child.h"
#include "apps/sweep/sweep.h"
#include "apps/train/active_run.h"
#include "apps/train/checks.h"
#include "apps/train/plan.h"
#include "apps/train/run_start.h"
#include "kernels/core/libraries.h"

namespace crc::apps {
namespace {

// The configuration says from now on what the device takes, so that a resumed run keeps it wherever it goes on.
void take_precision(Config& config, const Context& context) {
  const std::string asked = config.get<std::string>("run.precision"), taken(word_of(precision_on(context, config)));
  if (taken != asked) config.merge_value("run.precision", taken, asked + " on " + to_string(context.device()));
}

// docs/run-directory.md
std::string determinism_class(const Context& context) {
  return context.device().kind == DeviceKind::cpu ? "strict" : "device";
}

void write_report(RunRecord record, Marker marker) {
  record.marker = marker;
  commit_file(record.path / "report.html", report_html({record}));
}

void write_report(const RunDir& directory, Marker marker) {
  RunRecord record = load_run(directory.path());
  record.config = directory.config();
  if (const auto& called = record.config.get<std::string>("run.name"); !called.empty()) record.name = called;
  write_report(std::move(record), marker);
}

// DONE comes last: whoever sees it finds the report, and a run that died before is finished by `resume`.
void finish(RunDir& directory) {
  write_report(directory, Marker::done);
  directory.mark(Marker::done,
                 fmt::format("{} rounds, {} labels", directory.read_rounds().size(), directory.ledger().size()));
}

// What the gate chooses on a GPU is the run's from then on, and that of the sweep around it.
void keep_choices(Context& context, const fs::path& run, Progress& progress) {
  if (context.device().kind == DeviceKind::cpu) return;
  const fs::path above = fs::absolute(run).parent_path();
  std::vector<std::string> notes;
  context.gate().store_in(choices_of(run, Sweep::is_sweep(above) ? above : fs::path(), machine_of(context), notes));
  for (const std::string& note : notes) progress.line(note);
  context.gate().log_to([&progress](const std::string& line) { progress.note(line); });
}

int execute(Context& context, RunDir& directory, const data::Dataset& dataset, bool quiet, const std::string& name) {
  const StopNote stop_note(directory.path() / to_string(Marker::preempted),
                           "continue with: crc_train resume " + directory.path().string());
  Progress progress(ProgressOptions::for_stderr(quiet, directory.config().get<double>("report.interval"),
                                                directory.path() / "log.txt", name));
  if (const std::string device = announcement(context); !device.empty()) progress.line(device);
  for (const std::string& note : dataset.notes) progress.warn(dataset.name + ": " + note);
  for (const std::string& move : directory.moves()) progress.line("this time with " + move);
  keep_choices(context, directory.path(), progress);
  const ExitCode code = ActiveRun(context, directory, dataset, progress).run();
  const FinishFirst finish_first;  // what is left takes a moment, and is what whoever asked wants to find
  if (code == ExitCode::ok) {
    finish(directory);
    progress.line("done: " + (directory.path() / "report.html").string());
  } else if (code == ExitCode::preempted) {
    write_report(directory, Marker::preempted);
    progress.line("stopped after a checkpoint; continue with: crc_train resume " + directory.path().string());
  }
  return int(code);
}

// Whether the settings alone of a recipe with a [sweep] are those of one of its runs, as the demo's are.
bool is_a_cell(const std::string& recipe) {
  Config alone;
  alone.merge_toml(recipe_text(recipe), recipe);
  try {
    const Sweep sweep = Sweep::plan({}, {.recipe = recipe, .settings = {}});
    return sweep.spec().initial_pools == 0 && std::ranges::any_of(sweep.cells(), [&](const SweepCell& cell) {
             return sweep.config(cell).differences(alone).empty();
           });
  } catch (const Error&) {  // what is wrong in [sweep] is the sweep's to say
    return false;
  }
}

int64_t labels_before_last_query(const Ledger& ledger, const Config& config) {
  const int64_t first =
      ledger.size() == 0 ? config.get<int64_t>("acquisition.initial") : labels_through(ledger.labels(), 0);
  return first + (config.get<int64_t>("acquisition.rounds") - 1) * config.get<int64_t>("acquisition.budget");
}

}  // namespace

std::string sweep_note(const std::string& recipe) {
  if (recipe.empty() || !find_sweep(recipe_text(recipe), recipe) || is_a_cell(recipe)) return "";
  return fmt::format(
      "# {0} is a sweep of many runs, and what follows is none of them: its settings without those of a "
      "block and a method.\n# The runs: crc_train sweep {0} --dry-run\n",
      recipe);
}

fs::path run_directory(const RunOptions& options, const Config& config) {
  const fs::path out = options.out.empty() ? default_run_directory(options.config, config) : options.out;
  const fs::path images = config.get<std::string>("data.dir");
  for (const char* split : {"train", "test"})
    if (config.get<std::string>("data.name") == "folder" && lies_in(out, images / split))
      fail(ExitCode::usage, fmt::format("--out {} lies in {}, whose files are the data set; name a directory elsewhere",
                                        out.string(), (images / split).string()));
  return out;
}

int train_new(const RunOptions& options, const std::vector<std::string>& arguments, const std::string& name, int gpu) {
  Config config = resolve_recipe(options.config, options.settings);
  const fs::path out = run_directory(options, config);
  RunDir::check_new(out);
  const data::Dataset dataset = load_run_dataset(config);
  const LabelPlan labels = check_experiment(config, dataset);
  Context context = make_context(config, {}, Announce::no, gpu);
  take_precision(config, context);
  if (context.device().kind == DeviceKind::cpu) check_host_memory(config, dataset, labels);
  const bool made = !file_exists(out, Use::output);
  RunDir directory = RunDir::create(out, config,
                                    {.arguments = arguments,
                                     .device = context.describe(),
                                     .device_choice = context.choice(),
                                     .libraries = libraries(context),
                                     .determinism = determinism_class(context),
                                     .data_hash = dataset.fingerprint,
                                     .limits = {.items = dataset.train.count, .classes = dataset.classes()},
                                     .class_names = dataset.class_names,
                                     .validation_labels = labels.validation,
                                     .normalize = dataset.normalize,
                                     .start = labels.start});
  try {
    return execute(context, directory, dataset, options.quiet, name);
  } catch (...) {
    directory.abandon(made);  // where nothing has begun, nothing stands in the way of the next attempt
    throw;
  }
}

int train_on(const std::string& path, const std::vector<std::string>& settings, bool quiet, const std::string& name,
             int gpu) {
  if (marker_of(path) == Marker::done) {
    RunFiles files(path);
    (void)resume_config(read_run(files).config, settings);  // what would be refused of a run that goes on is refused
    if (!file_exists(fs::path(path) / "report.html")) {  // an earlier version wrote DONE first, or somebody removed it
      const RunLock lock(path);
      remove_stale_temporaries(path);
      write_report(load_run(path), Marker::done);
    }
    if (!quiet) print_error("{} is done already; its report is {}/report.html\n", path, path);
    return 0;
  }
  RunDir directory = RunDir::open(path, settings);
  const Config& config = directory.config();
  data::Dataset dataset = load_dataset(config);
  check_data(dataset, directory.facts());
  dataset.normalize = run_normalization(read_run_json(path), dataset);
  check_moves(config, dataset, labels_before_last_query(directory.ledger(), config));
  Context context = make_context(config, {}, Announce::no, gpu);
  check_precision(context, config);
  return execute(context, directory, dataset, quiet, name);
}

}  // namespace crc::apps
