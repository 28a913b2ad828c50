// crc_train run, resume
#include <fmt/format.h>

#include "apps/active_run.h"
#include "apps/balanced_query.h"
#include "apps/child.h"
#include "apps/commands/commands.h"
#include "apps/memory_plan.h"
#include "apps/recipes.h"
#include "apps/report.h"
#include "apps/signals.h"
#include "apps/sweep_spec.h"

namespace crc::apps {
namespace {

std::string device_name(const Config& config) { return config.get<std::string>("run.device"); }

Context make_context(const Config& config) {
  const std::string device = device_name(config);
  return device == "cpu" ? Context::cpu(int(config.get<int64_t>("run.threads"))) : Context::from_name(device);
}

// Precision that the device does not have is an error before anything is written.
void check_precision(const Config& config, const Context& context) {
  const std::string precision = config.get<std::string>("run.precision");
  if (precision != "fp32" && context.device().kind == DeviceKind::cpu)
    fail(ExitCode::config,
         "run.precision = \"" + precision + "\" needs a CUDA device, and this run is on the CPU; use fp32");
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

// The recipe of a table or figure is what its runs have in common, and none of them.
std::string sweep_note(const std::string& recipe) {
  if (recipe.empty() || !has_sweep(recipe_text(recipe))) return "";
  return fmt::format(
      "# {0} is a sweep of many runs, and what follows is none of them: its settings without those of a "
      "block and a method.\n# The runs: crc_train sweep {0} --dry-run\n",
      recipe);
}

int print_plan(const RunOptions& options) {
  const Config config = resolve_recipe(options.config, options.settings);
  const data::Dataset dataset = load_dataset(config);
  const std::unique_ptr<nn::Net> net = make_net(config, dataset);
  check_balanced(config, dataset.classes());
  fmt::print("{}", sweep_note(options.config));
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
  if (!options.quiet) fmt::print(stderr, "{}", sweep_note(options.config));
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
  check_balanced(config, dataset.classes());
  Context context = make_context(config);
  check_precision(config, context);
  const std::string out = options.out.empty() ? default_run_directory(options.config, config) : options.out;
  RunDir directory = RunDir::create(out, config,
                                    {.arguments = arguments,
                                     .device = context.describe(),
                                     .libraries = {},
                                     .determinism = "device",
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
