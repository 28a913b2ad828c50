#include "apps/config/config_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }
std::string section_of(std::string_view path) { return std::string(path.substr(0, path.rfind('.'))); }

bool matches(const std::string& choice, const std::string& value) {
  if (choice == value) return true;
  if (!choice.ends_with(":N")) return false;
  const size_t head = choice.size() - 1;
  return value.size() > head && value.size() <= head + 4 && value.compare(0, head, choice, 0, head) == 0 &&
         std::all_of(value.begin() + long(head), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string number(double x) {
  return x == std::floor(x) && std::abs(x) < 1e15 ? fmt::format("{}", int64_t(x)) : fmt::format("{}", x);
}

}  // namespace

const ConfigKey& config_key(std::string_view path) {
  for (const ConfigKey& key : config_schema()) {
    if (key.path == path) return key;
  }
  fail_internal(
      fmt::format("the program asks for the setting \"{}\", which apps/config/config_keys.cpp does not list", path));
}

std::vector<std::string> nearest_keys(std::string_view name) {
  std::vector<std::pair<int, std::string>> ranked;
  auto consider = [&](const std::string& candidate) {
    // The right word in the wrong section is one step away.
    const int words = data::distance(last_part(name), last_part(candidate));
    const int best = std::min(data::distance(name, candidate), words + 1);
    if (best <= data::typing_error(last_part(name)) || words == 0) ranked.emplace_back(best, candidate);
  };
  std::string seen;
  for (const ConfigKey& key : config_schema()) {
    consider(key.path);
    const std::string section = section_of(key.path);
    if (section != seen && name.find('.') == name.npos) consider(seen = section);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min<size_t>(3, ranked.size()); ++i) names.push_back(ranked[i].second);
  return names;
}

std::string allowed(const ConfigKey& key) {
  if (std::holds_alternative<bool>(key.fallback)) return "true or false";
  if (std::holds_alternative<int64_t>(key.fallback)) {
    return fmt::format("an integer from {} to {}", number(key.low), number(key.high));
  }
  if (std::holds_alternative<double>(key.fallback)) {
    return fmt::format("a number from {} to {}", number(key.low), number(key.high));
  }
  if (key.choices.empty()) return "a text";
  std::string list = "one of ";
  for (size_t i = 0; i < key.choices.size(); ++i) list += (i ? ", \"" : "\"") + key.choices[i] + "\"";
  return list;
}

bool is_allowed(const ConfigKey& key, const ConfigValue& value) {
  if (value.index() != key.fallback.index()) return false;
  if (auto* i = std::get_if<int64_t>(&value)) return double(*i) >= key.low && double(*i) <= key.high;
  if (auto* d = std::get_if<double>(&value)) return *d >= key.low && *d <= key.high;  // NaN: no
  if (auto* s = std::get_if<std::string>(&value)) {
    return key.choices.empty() ||
           std::any_of(key.choices.begin(), key.choices.end(), [&](auto& choice) { return matches(choice, *s); });
  }
  return true;
}

std::string to_text(const ConfigValue& value) {
  if (auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (auto* i = std::get_if<int64_t>(&value)) return fmt::format("{}", *i);
  if (auto* d = std::get_if<double>(&value)) {
    const std::string shortest = fmt::format("{}", *d);  // the fewest digits that read back to the same bits
    return shortest.find_first_of(".en") == shortest.npos ? shortest + ".0" : shortest;
  }
  std::string quoted = "\"";
  for (char c : std::get<std::string>(value)) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (uint8_t(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\u{:04x}", int(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string config_markdown() {
  std::string text =
      "# Configuration\n\n"
      "A configuration is a TOML file that says `schema = 2` and then only what differs from the defaults below.\n"
      "Files of earlier versions say `schema = 1`; they are read and mean what they meant (`data.seed = 0` was and "
      "remains 1\nthere).\n"
      "A later source overrides an earlier one: default, preset, file, environment (`CRC_DEVICE`,\n"
      "`CRC_DATA_DIR`, `CRC_THREADS`, `CRC_SEED`), `--set key=value`. `preset = \"NAME\"` at the top (or `--set "
      "preset=NAME`)\ntakes a published recipe's values for method, network, augmentation and optimizer; "
      "`crc_train list` names them.\n"
      "An unknown key or a value out of range ends the program with\n"
      "exit code 78 and says where. `config.toml` in a run directory holds every value and where it came from.\n"
      "All environment variables: [environment.md](environment.md).\n\n"
      "Keys marked * say where and how a run takes place, not what it computes: they may differ when a run is "
      "resumed. `start.run` is\na place, too: what lies there must be what the run began with (65).\n\n"
      "This file is written from the table in `apps/config/config_keys.cpp`; a test compares them.\n";
  std::string section;
  for (const ConfigKey& key : config_schema()) {
    const std::string top = key.path.substr(0, key.path.find('.'));
    if (top != section) {
      section = top;
      text += fmt::format("\n## {}\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n", section);
    }
    std::string range = allowed(key);
    std::replace(range.begin(), range.end(), '|', '/');
    text += fmt::format("| `{}`{} | `{}` | {} | {} |\n", key.path, key.decides == Decides::place ? " *" : "",
                        to_text(key.fallback), range, key.doc);
  }
  return text;
}

}  // namespace crc::apps
