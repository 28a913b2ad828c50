// Built-in recipes: the TOML files of apps/config/recipes/, compiled into the program, so that it needs no folder
// beside it.
#pragma once

#include <string>
#include <vector>

#include "apps/config/config.h"

namespace crc::apps {

struct Recipe {
  std::string name;  // the file's name without .toml
  std::string text;  // its first comment line is the title
};
const std::vector<Recipe>& recipes();  // generated from apps/config/recipes/*.toml

// The text of a built-in recipe or of a TOML file. Error 66 if `name` is neither, with the known recipes.
std::string recipe_text(const std::string& name);

// `config` is a TOML file, a recipe's name, or empty for the defaults: default < preset < file <
// environment < --set.
// Error 66 if it is neither, with the known recipes.
Config resolve_recipe(const std::string& config, const std::vector<std::string>& settings);

// "runs/<recipe or file name>-s<seed>"
std::string default_run_directory(const std::string& config, const Config& resolved);

}  // namespace crc::apps
