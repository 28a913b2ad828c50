// crc_train run, resume
#include <fmt/format.h>

#include "apps/active_run.h"
#include "apps/child.h"
#include "apps/commands/commands.h"
#include "apps/memory_plan.h"
#include "apps/recipes.h"
#include "apps/report.h"
#include "apps/signals.h"
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

int execute(Context& context, RunDir& directory, const data::Dataset& dataset, bool quiet, const std::string& name) {
  Progress progress(ProgressOptions::for_stderr(quiet, directory.config().get<double>("report.interval"),
                                                directory.path() / "log.txt", name));
  const ExitCode code = ActiveRun(context, directory, dataset, progress).run();
  commit_file(directory.path() / "report.html", report_html({load_run(directory.path())}));
  if (code == ExitCode::ok) progress.line("done: " + (directory.path() / "report.html").string());
  if (code == ExitCode::preempted)
    progress.line("stopped after a checkpoint; continue with: crc_train resume " + directory.path().string());
  return int(code);
}

int print_plan(const RunOptions& options) {
  const Config config = resolve_recipe(options.config, options.settings);
  const data::Dataset dataset = load_dataset(config);
  const std::unique_ptr<nn::Net> net = make_net(config, dataset);
  fmt::print("{}\n{}{}", config.to_toml(), plan(config, dataset, *net), memory_totals(config, dataset, *net));
  if (options.memory) fmt::print("\n{}", memory_table(config, dataset, *net));
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
    if (!quiet) fmt::print(stderr, "{} is done already; its report is {}/report.html\n", path, path);
    return 0;
  }
  RunDir directory = RunDir::open(path);
  const data::Dataset dataset = load_dataset(directory.config());
  check_fingerprint(dataset, directory.facts().data_hash);
  Context context = make_context(directory.config());
  return execute(context, directory, dataset, quiet, name);
}

}  // namespace crc::apps
