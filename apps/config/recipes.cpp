#include "apps/config/recipes.h"

#include <algorithm>

#include "kernels/core/error.h"

namespace crc::apps {

std::string recipe_text(const std::string& name) {
  for (const Recipe& recipe : recipes())
    if (recipe.name == name) return recipe.text;
  if (!name.empty() && fs::exists(name)) return read_file(name, 1 << 26);  // parse_toml has the limit, and says it
  std::string known;
  for (const Recipe& r : recipes()) known += (known.empty() ? "" : ", ") + r.name;
  fail(ExitCode::input_missing, "\"" + name + "\" is neither a file nor a built-in recipe (" + known + ")");
}

Config resolve_recipe(const std::string& config, const std::vector<std::string>& settings) {
  Config resolved;
  if (!config.empty()) {
    const bool built_in = std::ranges::any_of(recipes(), [&](const Recipe& r) { return r.name == config; });
    resolved.merge_toml(recipe_text(config), built_in ? "recipe " + config : config);
  }
  resolved.merge_overrides(settings);
  return resolved;
}

std::string default_run_directory(const std::string& config, const Config& resolved) {
  const std::string stem = config.empty() ? "run" : fs::path(config).stem().string();
  return "runs/" + stem + "-s" + std::to_string(resolved.get<int64_t>("run.seed"));
}

}  // namespace crc::apps
