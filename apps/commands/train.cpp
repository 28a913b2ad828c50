#include "apps/commands/train.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/base/terminal.h"
#include "apps/config/recipes.h"
#include "apps/session/training.h"
#include "apps/sweep/sweep.h"

namespace crc::apps {
namespace {

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
  check_outside_images(config, out);
  return out;
}

int train_new(const RunOptions& options, const std::vector<std::string>& arguments, const std::string& name, int gpu) {
  const Config config = resolve_recipe(options.config, options.settings);
  const NewRun run{.config = config, .directory = run_directory(options, config), .arguments = arguments, .gpu = gpu};
  return int(start_run(run, ProgressOptions::for_stderr(options.quiet, 0, {}, name)));
}

int train_on(const std::string& path, const std::vector<std::string>& settings, bool quiet, const std::string& name,
             int gpu) {
  if (is_done(path, settings)) {
    if (!quiet) print_error("{} is done already; its report is {}/report.html\n", path, path);
    return 0;
  }
  return int(resume_run(path, settings, ProgressOptions::for_stderr(quiet, 0, {}, name), gpu));
}

}  // namespace crc::apps
