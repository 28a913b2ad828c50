// The schema of a configuration: one table says every key's type, default, range, choices and meaning. Files, the
// command line, the printed plan, docs/config.md and the error messages all come from it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace crc::apps {

using ConfigValue = std::variant<bool, int64_t, double, std::string>;  // the alternative is the key's type

// What a key is for decides whether two configurations count as the same experiment (Config::hash).
enum class Decides { result, place };  // place: where and how it runs (device, threads, folders, names)

struct ConfigKey {
  std::string path;  // "ssl.weak.flip"
  ConfigValue fallback;
  std::string doc;
  double low = 0, high = 0;          // inclusive, for numbers
  std::vector<std::string> choices;  // for texts; "cuda:N" accepts any number; empty: any text
  Decides decides = Decides::result;
  std::string with = {};                   // has a say only where that key differs from its default
  std::optional<ConfigValue> before = {};  // what files of schema 1 mean where they do not say it
  bool existed = false;                    // in schema 1, with another default: its hashes name it
};

const std::vector<ConfigKey>& config_schema();

// Internal error when there is no such key: a program asks for what the table does not have.
const ConfigKey& config_key(std::string_view path);

// Up to three names of keys (or of sections, when `name` is one) that `name` may have meant, nearest first.
std::vector<std::string> nearest_keys(std::string_view name);

// "" when the value is allowed, otherwise what is allowed: `an integer from 1 to 64`, `one of "wrn", "mlp"`.
std::string allowed(const ConfigKey& key);
bool is_allowed(const ConfigKey& key, const ConfigValue& value);

std::string to_text(const ConfigValue& value);  // as TOML; reads back to the same value

// docs/config.md
std::string config_markdown();

}  // namespace crc::apps
