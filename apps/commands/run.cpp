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

int print_plan(const RunOptions& options) {
  const Config config = resolve_recipe(options.config, options.settings);
  if (!options.out.empty()) RunDir::check_new(run_directory(options, config));
  const data::Dataset dataset = load_dataset(config);
  const LabelPlan labels = check_experiment(config, dataset);
  const std::unique_ptr<nn::Net> net = make_net(config, dataset);
  print_text(sweep_note(options.config));
  print("{}\n{}{}", config.to_toml(), plan(config, dataset, *net, labels),
        memory_totals(config, dataset, *net, labels));
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
