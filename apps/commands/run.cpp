// crc_train run
#include <fmt/format.h>

#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/commands/train.h"
#include "apps/config/recipes.h"
#include "apps/sweep/child.h"
#include "apps/train/checks.h"
#include "apps/train/experiment.h"

namespace crc::apps {
namespace {

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

int print_plan(const RunOptions& options) {
  Config config = resolve_recipe(options.config, options.settings);
  if (!options.out.empty()) RunDir::check_new(run_directory(options, config));
  const data::Dataset dataset = load_dataset(config);
  const LabelPlan labels = check_experiment(config, dataset);
  print_text(sweep_note(options.config));
  print("{}\n", config.to_toml());
  const std::string device = plan_device(config);
  const std::unique_ptr<nn::Net> net = make_net(config, dataset);
  print("{}{}{}", plan(config, dataset, *net, labels), device, memory_totals(config, dataset, *net, labels));
  for (const std::string& note : dataset.notes) print("note     {}\n", note);
  if (options.memory) print("\n{}", memory_table(config, dataset, *net, labels));
  return 0;
}

int command_run(const RunOptions& options, const std::vector<std::string>& arguments) {
  if (options.dry_run) return print_plan(options);
  const std::string note = sweep_note(options.config);
  if (!options.quiet) print_message(note);
  end_with_parent();
  return train_new(options, arguments);
}

}  // namespace

void declare_run(Command& program, CommandCall& call) {
  const auto o = std::make_shared<RunOptions>();
  Command command = program.command("run", "train, score, query, label, train again");
  command.option("config", o->config, "TOML file or built-in recipe (crc_train list)");
  add_settings(command, o->settings);
  command.option("--out", o->out, "run directory, must not exist");
  const CommandOption dry_run = command.flag("--dry-run", o->dry_run, "print the resolved plan and stop");
  command.flag("--memory", o->memory, "in the plan: every array of a training step, and when it is alive")
      .needs(dry_run);
  command.flag("--quiet,-q", o->quiet, "no progress, only errors");
  command.run([o, &call] { call.code = command_run(*o, call.arguments); });
}

}  // namespace crc::apps
