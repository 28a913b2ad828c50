#include "apps/session/training.h"

#include <fmt/format.h>

#include "apps/base/outputs.h"
#include "apps/base/signals.h"
#include "apps/config/budgets.h"
#include "apps/gate/choices_file.h"
#include "apps/report/report.h"
#include "apps/session/answers.h"
#include "apps/session/crew.h"
#include "apps/session/run_data.h"
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
std::string determinism_class(const Context& context, const Config& config) {
  if (context.device().kind != DeviceKind::cpu) return "device";
  return config.get<int64_t>("run.shards") > 0 ? "ranks" : "strict";
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
  directory.mark(Marker::done, fmt::format("{} rounds, {} labels", directory.read_rounds().size(),
                                           directory.ledger().labels().size()));
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

// All rounds; with what came to the pool, from the round on that begins next.
ExitCode run_rounds(Context& context, RunDir& directory, RunData& data, Progress& progress, Ranks* ranks) {
  if (!data.growth.empty()) {
    std::optional<int64_t> begins;
    const auto at_the_next = [&](int64_t round) { return begins = round, true; };
    const std::optional<ExitCode> code =
        ActiveRun(context, directory, data.dataset, progress, ranks, at_the_next).run();
    if (code) {
      if (*code == ExitCode::ok)
        progress.warn("the data set has changed, and no later round trains on it: this run did not look at that");
      return *code;
    }
    progress.line(take_growth(directory, data, *begins));
  }
  return ActiveRun(context, directory, data.dataset, progress, ranks).run().value();
}

// What ends one of several processes ends all; what is left is the last checkpoint.
ExitCode run_rounds_together(Context& context, RunDir& directory, RunData& data, Progress& progress, Ranks* ranks) try {
  if (!ranks || ranks->size() == 1) return run_rounds(context, directory, data, progress, ranks);
  progress.line(fmt::format("{} processes share the {} shards of a step", ranks->size(),
                            directory.config().get<int64_t>("run.shards")));
  const ExitCode code = run_rounds(context, directory, data, progress, ranks);
  progress.line(fmt::format("this process sent {:.1f} MB to the others, in {} exchanges{}",
                            double(ranks->bytes()) / 1e6, ranks->exchanges(),
                            context.device().kind == DeviceKind::cpu ? "" : ", beside what their GPUs exchanged"));
  return code;
} catch (const Error& error) {
  if (!ranks || !ranks->over() || directory.ledger().size() == 0) throw;  // nothing has begun
  throw Error(error.code(), fmt::format("{}. Continue with: {}", error.what(), directory.resume_command()));
}

ExitCode execute(Context& context, RunDir& directory, RunData data, ProgressOptions options, Ranks* ranks) {
  const StopNote stop_note(directory.path() / to_string(Marker::preempted),
                           "continue with: " + directory.resume_command());
  options.interval = directory.config().get<double>("report.interval");
  options.log = directory.path() / "log.txt";
  Progress progress(std::move(options));
  if (const std::string device = announcement(context); !device.empty()) progress.line(device);
  for (const std::string& note : data.dataset.notes) progress.warn(data.dataset.name + ": " + note);
  for (const std::string& move : directory.moves()) progress.line("this time with " + move);
  keep_choices(context, directory.path(), progress);
  const ExitCode code = run_rounds_together(context, directory, data, progress, ranks);
  const FinishFirst finish_first;  // what is left takes a moment, and is what whoever asked wants to find
  if (code == ExitCode::ok) {
    finish(directory);
    progress.line("done: " + (directory.path() / "report.html").string());
  } else if (code == ExitCode::preempted) {
    write_report(directory, Marker::preempted);
    progress.line("stopped after a checkpoint; continue with: " + directory.resume_command());
  }
  return code;
}

// The run began in a program that had registered an acquisition of its own; here is perhaps another program.
void check_acquisitions(const Config& config, const fs::path& run) {
  for (const std::string& name : {config.get<std::string>("acquisition.name"), first_acquisition(config)}) {
    if (name.empty() || select::is_known(name)) continue;
    fail(ExitCode::config,
         fmt::format("{0} chooses by the acquisition \"{1}\", which whoever began it had registered, and nobody has "
                     "here. Go on in Python: crc_active.register_acquisition(\"{1}\", ...), then "
                     "crc_active.Run(\"{0}\").train(); nothing was changed",
                     run.string(), name));
  }
}

int64_t labels_before_last_query(const Ledger& ledger, const Config& config) {
  const int64_t first =
      ledger.size() == 0 ? config.get<int64_t>("acquisition.initial") : labels_through(ledger.entries(), 0);
  return labels_after(config, first, std::max<int64_t>(config.get<int64_t>("acquisition.rounds") - 1, 0));
}

data::Dataset load_new(const NewRun& run) {
  if (run.data.empty()) return load_run_dataset(run.config);
  Config there = run.config;
  there.merge_value("data.dir", run.data.string(), "the arrays' folder");
  return load_run_dataset(there);
}

struct Begun {
  data::Dataset dataset;
  Context context;
  bool made;  // there was no such directory
  RunDir directory;
};

Begun begin(const NewRun& run, Ranks* ranks) {
  RunDir::check_new(run.directory);
  Config config = run.config;
  data::Dataset dataset = load_new(run);
  const LabelPlan labels = check_experiment(config, dataset);
  Context context = muster(config, ranks, run.gpu);
  take_precision(config, context);
  if (context.device().kind == DeviceKind::cpu) check_host_memory(config, dataset, labels);
  const bool made = !file_exists(run.directory, Use::output);
  RunDir directory = RunDir::create(run.directory, config,
                                    {.arguments = run.arguments,
                                     .device = context.describe(),
                                     .device_choice = context.choice(),
                                     .libraries = libraries(context),
                                     .determinism = determinism_class(context, config),
                                     .data_hash = dataset.fingerprint,
                                     .limits = {.items = dataset.train.count, .classes = dataset.classes()},
                                     .class_names = dataset.class_names,
                                     .validation_labels = labels.validation,
                                     .normalize = dataset.normalize,
                                     .start = labels.start});
  keep_first_list(directory, dataset);
  return {std::move(dataset), std::move(context), made, std::move(directory)};
}

}  // namespace

void check_outside_images(const Config& config, const fs::path& directory) {
  const fs::path images = config.get<std::string>("data.dir");
  for (const char* split : {"train", "test"})
    if (config.get<std::string>("data.name") == "folder" && lies_in(directory, images / split))
      fail(ExitCode::usage, fmt::format("--out {} lies in {}, whose files are the data set; name a directory elsewhere",
                                        directory.string(), (images / split).string()));
}

void create_run(const NewRun& run) {
  check_outside_images(run.config, run.directory);
  begin(run, nullptr);
  if (!run.data.empty()) fs::rename(run.data, run.directory / "data");
}

ExitCode start_run(const NewRun& run, const ProgressOptions& progress, Ranks* ranks) {
  check_outside_images(run.config, run.directory);
  Begun begun = begin(run, ranks);
  try {
    return execute(begun.context, begun.directory, {.dataset = std::move(begun.dataset)}, progress, ranks);
  } catch (...) {
    begun.directory.abandon(begun.made);  // where nothing has begun, nothing stands in the way of the next attempt
    throw;
  }
}

ExitCode resume_run(const fs::path& path, const std::vector<std::string>& settings, const ProgressOptions& progress,
                    int gpu, Ranks* ranks) {
  RunDir directory = RunDir::open(path, settings);
  const Config& config = directory.config();
  check_acquisitions(config, path);
  RunData data = load_run_data(directory);
  data.dataset.normalize = run_normalization(read_run_json(path), data.dataset);
  settle_answers(directory, data.dataset);
  check_moves(config, data.dataset, labels_before_last_query(directory.ledger(), config));
  Context context = muster(config, ranks, gpu);
  check_precision(context, config);
  return execute(context, directory, std::move(data), progress, ranks);
}

ExitCode continue_run(const fs::path& path, const std::vector<std::string>& settings, const ProgressOptions& progress,
                      int gpu, Ranks* ranks) {
  if (!is_done(path, settings)) return resume_run(path, settings, progress, gpu, ranks);
  Progress(progress).line(
      fmt::format("{} is done already; its report is {}", path.string(), (path / "report.html").string()));
  return ExitCode::ok;
}

bool is_done(const fs::path& path, const std::vector<std::string>& settings) {
  if (marker_of(path) != Marker::done) return false;
  RunFiles files(path);
  (void)resume_config(read_run(files).config, settings);  // what would be refused of a run that goes on is refused
  if (!file_exists(path / "report.html")) {               // an earlier version wrote DONE first, or somebody removed it
    const RunLock lock(path);
    remove_stale_temporaries(path);
    write_report(load_run(path), Marker::done);
  }
  return true;
}

}  // namespace crc::apps
