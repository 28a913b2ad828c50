// crc_train run, resume
#include <fmt/format.h>

#include "apps/active_run.h"
#include "apps/child.h"
#include "apps/commands/commands.h"
#include "apps/memory_plan.h"
#include "apps/recipes.h"
#include "apps/report.h"
#include "apps/signals.h"
#include "apps/terminal.h"
#include "kernels/core/libraries.h"

namespace crc::apps {
namespace {

// Precision that the device does not have is an error before anything is written.
void check_precision(const Config& config, const Context& context) {
  const std::string precision = config.get<std::string>("run.precision");
  if (precision != "fp32" && context.device().kind == DeviceKind::cpu)
    fail(ExitCode::config,
         "run.precision = \"" + precision + "\" needs a CUDA device, and this run is on the CPU; use fp32");
}

// docs/run-directory.md
std::string determinism_class(const Context& context) {
  return context.device().kind == DeviceKind::cpu ? "strict" : "device";
}

void write_report(const fs::path& run, Marker marker) {
  RunRecord record = load_run(run);
  record.marker = marker;
  commit_file(run / "report.html", report_html({record}));
}

// DONE comes last: whoever sees it finds the report, and a run that died before is finished by `resume`.
void finish(RunDir& directory) {
  write_report(directory.path(), Marker::done);
  directory.mark(Marker::done,
                 fmt::format("{} rounds, {} labels", directory.read_rounds().size(), directory.ledger().size()));
}

int execute(Context& context, RunDir& directory, const data::Dataset& dataset, bool quiet, const std::string& name) {
  Progress progress(ProgressOptions::for_stderr(quiet, directory.config().get<double>("report.interval"),
                                                directory.path() / "log.txt", name));
  for (const std::string& note : dataset.notes) progress.warn(dataset.name + ": " + note);
  const ExitCode code = ActiveRun(context, directory, dataset, progress).run();
  if (code == ExitCode::ok) finish(directory);
  if (code == ExitCode::preempted) write_report(directory.path(), Marker::preempted);
  if (code == ExitCode::ok) progress.line("done: " + (directory.path() / "report.html").string());
  if (code == ExitCode::preempted)
    progress.line("stopped after a checkpoint; continue with: crc_train resume " + directory.path().string());
  return int(code);
}

int print_plan(const RunOptions& options) {
  const Config config = resolve_recipe(options.config, options.settings);
  const data::Dataset dataset = load_dataset(config);
  const std::unique_ptr<nn::Net> net = make_net(config, dataset);
  print("{}\n{}{}", config.to_toml(), plan(config, dataset, *net), memory_totals(config, dataset, *net));
  for (const std::string& note : dataset.notes) print("note     {}\n", note);
  if (options.memory) print("\n{}", memory_table(config, dataset, *net));
  return 0;
}

}  // namespace

void prepare_process() {
  install_signal_handlers();
  end_with_parent();
}

int command_run(const RunOptions& options, const std::vector<std::string>& arguments) {
  if (options.dry_run) return print_plan(options);
  prepare_process();
  return train_new(options, arguments);
}

int command_resume(const std::string& directory, bool quiet) {
  prepare_process();
  return train_on(directory, quiet);
}

int train_new(const RunOptions& options, const std::vector<std::string>& arguments, const std::string& name) {
  const Config config = resolve_recipe(options.config, options.settings);
  const data::Dataset dataset = load_dataset(config);
  (void)make_net(config, dataset);  // what it refuses, before anything is written
  Context context = make_context(config);
  check_precision(config, context);
  const std::string out = options.out.empty() ? default_run_directory(options.config, config) : options.out;
  if (stop_requested())  // a sweep that died may have a successor, which then finds nothing half made
    fail(ExitCode::preempted, "stopped by " + stop_signal_name() + " before the run began; nothing was written");
  RunDir directory = RunDir::create(out, config,
                                    {.arguments = arguments,
                                     .device = context.describe(),
                                     .libraries = libraries(context),
                                     .determinism = determinism_class(context),
                                     .data_hash = dataset.fingerprint,
                                     .limits = {.items = dataset.train.count, .classes = dataset.classes()},
                                     .class_names = dataset.class_names});
  return execute(context, directory, dataset, options.quiet, name);
}

int train_on(const std::string& path, bool quiet, const std::string& name) {
  if (marker_of(path) == Marker::done) {
    if (!file_exists(fs::path(path) / "report.html")) {  // an earlier version wrote DONE first, or somebody removed it
      const RunLock lock(path);
      remove_stale_temporaries(path);
      write_report(path, Marker::done);
    }
    if (!quiet) print_error("{} is done already; its report is {}/report.html\n", path, path);
    return 0;
  }
  RunDir directory = RunDir::open(path);
  const data::Dataset dataset = load_dataset(directory.config());
  check_data(dataset, directory.facts());
  Context context = make_context(directory.config());
  return execute(context, directory, dataset, quiet, name);
}

}  // namespace crc::apps
