// Built-in presets: the TOML files of apps/config/presets/, compiled into the program. A preset is a published training
// recipe (method, network, augmentation, optimizer, stopping rule) without data and query: `preset = "NAME"` at the top
// of a configuration, or --set preset=NAME, gives its values to all keys that nothing else sets.
#pragma once

#include <string>
#include <vector>

namespace crc::apps {

struct Preset {
  std::string name;  // the file's name without .toml
  std::string text;  // its first comment line is the title, the second the source
};
const std::vector<Preset>& presets();  // generated from apps/config/presets/*.toml
// Line `line` of a preset's or a recipe's text, without "# "; empty where it is no comment.
std::string comment_of(const std::string& text, int line);

}  // namespace crc::apps
