// TOML from files that anyone may have written: the one parser of configurations and recipes.
#pragma once

#include <string>
#include <string_view>

#include "apps/config/toml.h"

namespace crc::apps {

// Error 78 with `name`, which stands for the file, the line and what is wrong. What the library cannot take is refused
// before it: some malformed table names end in its assertions, and it walks nested tables by calling itself.
toml::table parse_toml(std::string_view text, const std::string& name);

}  // namespace crc::apps
