// crc_train run
#include <fmt/format.h>

#include <algorithm>

#include "apps/base/program.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/session/crew.h"
#include "apps/session/step_time.h"
#include "apps/session/training.h"
#include "apps/sweep/sweep.h"
#include "apps/train/checks.h"
#include "apps/train/experiment.h"

namespace crc::apps {
namespace {

struct RunOptions {
  std::string config;                 // a TOML file, or the name of a built-in recipe; empty: the defaults
  std::vector<std::string> settings;  // --set key=value
  std::string out;                    // run directory; empty: runs/<recipe>-s<seed>
  bool dry_run = false;
  bool memory = false;  // with dry_run: every array of a training step
  bool time = false;    // with dry_run: how long training takes here
  bool quiet = false;
};

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

// Most recipes of a table or figure are what their runs have in common, and none of them: says so. Errors of parse_sweep.
std::string sweep_note(const std::string& recipe) {
  if (recipe.empty() || !find_sweep(recipe_text(recipe), recipe) || is_a_cell(recipe)) return "";
  return fmt::format(
      "# {0} is a sweep of many runs, and what follows is none of them: its settings without those of a "
      "block and a method.\n# The runs: crc_train sweep {0} --dry-run\n",
      recipe);
}

// --out, or its default.
fs::path run_directory(const RunOptions& options, const Config& config) {
  const fs::path out = options.out.empty() ? default_run_directory(options.config, config) : options.out;
  check_outside_images(config, out);
  return out;
}

// The line of the plan, and in the configuration what the device takes. A plan for another machine stands without.
std::string plan_device(Config& config) try {
  const Context context = make_context(config, {}, Announce::no);
  const std::string precision(word_of(precision_on(context, config)));
  config.merge_value("run.precision", precision, "the device");
  return fmt::format("device   {}; training in {}\n", device_words(context), precision);
} catch (const Error& error) {
  if (error.code() != ExitCode::device_unavailable) throw;
  return fmt::format("device   not on this machine, memory as in fp32 unless run.precision names another: {}\n",
                     error.what());
}

// From a few steps of it.
std::string plan_time(const Config& config, const data::Dataset& dataset) {
  Context context = make_context(config, {}, Announce::no);
  const double step = step_seconds(context, config, dataset);
  if (step == 0) return "";
  return fmt::format("time     {:.3g} s a step on {}: {} of training, at most\n", step, to_string(context.device()),
                     duration(training_seconds(config, step)));
}

int print_plan(const RunOptions& options) {
  Config config = resolve_recipe(options.config, options.settings);
  if (!options.out.empty()) RunDir::check_new(run_directory(options, config));
  check_processes(config, int(config.get<int64_t>("run.ranks")));
  const data::Dataset dataset = load_dataset(config);
  const LabelPlan labels = check_experiment(config, dataset);
  print_text(sweep_note(options.config));
  print("{}\n", config.to_toml());
  const std::string device = plan_device(config);
  const std::unique_ptr<nn::Net> net = make_training_net(config, dataset);
  print("{}{}{}", plan(config, dataset, *net, labels), device, memory_totals(config, dataset, *net, labels));
  if (options.time) print_text(plan_time(config, dataset));
  for (const std::string& note : dataset.notes) print("note     {}\n", note);
  if (options.memory) print("\n{}", memory_table(config, dataset, *net, labels));
  return 0;
}

int command_run(const RunOptions& options, const std::vector<std::string>& arguments) {
  if (options.dry_run) return print_plan(options);
  end_with_parent();
  const Config config = resolve_recipe(options.config, options.settings);
  return train_together(config, arguments, [&](Ranks* ranks) {
    if (!options.quiet) print_message(sweep_note(options.config));
    const NewRun run{.config = config, .directory = run_directory(options, config), .arguments = arguments};
    return start_run(run, ProgressOptions::for_stderr(options.quiet, 0, {}), ranks);
  });
}

}  // namespace

void declare_run(Command& program, CommandCall& call) {
  const auto o = std::make_shared<RunOptions>();
  Command command = program.command("run", "train, score, query, label, train again");
  command.examples(
      "  crc_train run photos.toml --out runs/photos                     a configuration of your own (crc_train init)\n"
      "  crc_train run cifar10 --set data.dir=DIR --out runs/a           CIFAR-10, the queries of the paper\n"
      "  crc_train run photos.toml --set ssl.epochs=20 --dry-run --time  what would happen, and how long it takes\n");
  command.option("config", o->config, "TOML file or built-in recipe (crc_train list)");
  add_settings(command, o->settings);
  command.option("--out", o->out, "run directory, must not exist");
  const CommandOption dry_run = command.flag("--dry-run", o->dry_run, "print the resolved plan and stop");
  command.flag("--memory", o->memory, "in the plan: every array of a training step, and when it is alive")
      .needs(dry_run);
  command.flag("--time", o->time, "in the plan: how long training takes here, from a few steps of it").needs(dry_run);
  command.flag("--quiet,-q", o->quiet, "no progress, only errors");
  command.run([o, &call] { call.code = command_run(*o, call.arguments); });
}

}  // namespace crc::apps
