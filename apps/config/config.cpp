#include "apps/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "apps/base/terminal.h"
#include "apps/config/budgets.h"
#include "apps/config/parse_toml.h"
#include "apps/config/presets.h"
#include "data/text.h"
#include "data/utf8.h"
#include "kernels/core/error.h"
#include "ssl/method.h"

namespace crc::apps {
namespace {

constexpr int64_t kSchema = 2;  // of what this version writes
constexpr size_t kShown = 60;   // bytes of a name or a value in a message

std::string cut(std::string text) { return text.size() > kShown ? text.substr(0, kShown - 3) + "..." : text; }

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  fail(ExitCode::config, where + ": " + what);
}

[[noreturn]] void refuse_unknown(const std::string& where, const std::string& kind, const std::string& name) {
  std::string hint;
  for (const std::string& near : nearest_keys(cut(name))) hint += (hint.empty() ? "; did you mean " : ", ") + near;
  refuse(where, fmt::format("unknown {} \"{}\"{}", kind, cut(name),
                            hint.empty() ? "; docs/config.md lists them all" : hint + "?"));
}

// `text`: the value, where it is one.
[[noreturn]] void refuse_value(const std::string& where, const ConfigKey& key, const std::string& shown,
                               std::string_view text) {
  refuse(where, fmt::format("{} = {} is not allowed; it must be {}{}", key.path, shown, allowed(key),
                            data::did_you_mean(data::nearest_words(text, key.choices))));
}

const ConfigKey* find_key(std::string_view path) {
  for (const ConfigKey& key : config_schema()) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

bool is_section(const std::string& path) {
  for (const ConfigKey& key : config_schema()) {
    if (key.path.starts_with(path + ".")) return true;
  }
  return false;
}

// The TOML value as the key's type (an integer is a fine number), or nothing.
std::optional<ConfigValue> convert(const toml::node& node, const ConfigKey& key) {
  if (std::holds_alternative<bool>(key.fallback) && node.is_boolean()) return ConfigValue(node.as_boolean()->get());
  if (std::holds_alternative<int64_t>(key.fallback) && node.is_integer()) return ConfigValue(node.as_integer()->get());
  if (std::holds_alternative<double>(key.fallback)) {
    if (node.is_integer()) return ConfigValue(double(node.as_integer()->get()));
    if (node.is_floating_point()) return ConfigValue(node.as_floating_point()->get());
  }
  if (std::holds_alternative<std::string>(key.fallback) && node.is_string()) {
    return ConfigValue(node.as_string()->get());
  }
  return std::nullopt;
}

std::string shown(const toml::node& node) {
  std::ostringstream stream;
  if (!node.is_string()) node.visit([&](const auto& value) { stream << value; });
  std::string text = node.is_string() ? to_text(node.as_string()->get()) : stream.str();
  return cut(text);
}

// A list of label counts says how many queries there are, whatever else does; none stays none.
void take_rounds_of_budgets(Config& config) {
  const auto queries = int64_t(parse_budgets(config.get<std::string>("acquisition.budgets")).size());
  const auto rounds = config.get<int64_t>("acquisition.rounds");
  if (queries > 0 && rounds > 0 && rounds != queries)
    config.merge_value("acquisition.rounds", fmt::to_string(queries), "acquisition.budgets");
}

const std::string kOfMethod = "method ";  // begins the origin of its paper's defaults

struct Found {
  const ConfigKey* key;
  ConfigValue value;
  uint32_t line;
};

void collect(const toml::table& table, const std::string& prefix, const std::string& name, std::vector<Found>& found) {
  for (const auto& [word, node] : table) {
    const std::string path = prefix.empty() ? std::string(word.str()) : prefix + "." + std::string(word.str());
    const uint32_t line = node.source().begin.line;
    const std::string where = fmt::format("{}:{}", name, line);
    if (path == "schema" || path == "preset" || path == "sweep") continue;  // apps/sweep/sweep_spec.h reads [sweep]
    if (const ConfigKey* key = find_key(path)) {
      const auto value = convert(node, *key);
      if (!value || !is_allowed(*key, *value))
        refuse_value(where, *key, shown(node), node.value_or(std::string_view()));
      found.push_back({key, *value, line});
    } else if (node.is_table()) {
      if (!is_section(path)) refuse_unknown(where, "section", path);
      collect(*node.as_table(), path, name, found);
    } else if (is_section(path)) {
      refuse(where, fmt::format("\"{}\" is a section; write [{}] and its keys below", path, path));
    } else {
      refuse_unknown(where, "key", path);
    }
  }
}

// 1: earlier versions', whose runs did other things where a key has a `before`, and took data.seed = 0 for 1.
int64_t schema_of(const toml::table& table, const std::string& name) {
  const toml::node* schema = table.get("schema");
  const int64_t version = schema && schema->is_integer() ? schema->as_integer()->get() : 0;
  if (version < 1 || version > kSchema) {
    refuse(schema ? fmt::format("{}:{}", name, schema->source().begin.line) : name,
           fmt::format("{}; this program reads schema 1 and {}: write `schema = {}` at the top",
                       schema ? "schema = " + shown(*schema) : "there is no \"schema\"", kSchema, kSchema));
  }
  return version;
}

}  // namespace

Config::Config() {
  for (const ConfigKey& key : config_schema()) entries_[key.path] = {key.fallback, "default"};
}

Config Config::of_run(std::string_view text, const std::string& name) {
  Config config;
  config.merge_toml(text, name);
  std::istringstream lines{std::string(text)};
  std::string section;
  for (std::string line; std::getline(lines, line);) {  // as to_toml wrote them
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1) + ".";
    const size_t equals = line.find(" = "), comment = line.rfind(" # ");
    if (equals == line.npos || comment == line.npos) continue;
    const auto at = config.entries_.find(section + line.substr(0, equals));
    if (at != config.entries_.end()) at->second.origin = line.substr(comment + 3);
  }
  return config;
}

void Config::merge_toml(std::string_view text, const std::string& name) {
  const toml::table table = parse_toml(text, name);
  const int64_t version = schema_of(table, name);
  std::vector<Found> found;
  collect(table, "", name, found);
  for (const ConfigKey& key : config_schema())
    if (version == 1 && key.before) entries_[key.path] = {*key.before, name + " (schema 1)"};
  for (Found& f : found) {
    std::string origin = fmt::format("{}:{}", name, f.line);
    if (version == 1 && f.key->path == "data.seed" && f.value == ConfigValue(int64_t(0))) {
      f.value = int64_t(1);
      origin += " (0 in schema 1)";
    }
    entries_[f.key->path] = {std::move(f.value), std::move(origin)};
  }
  if (const toml::node* preset = table.get("preset")) {
    const std::string where = fmt::format("{}:{}", name, preset->source().begin.line);
    if (!preset->is_string()) refuse(where, "preset is the name of one, as in preset = \"kekmodel\"");
    merge_preset(preset->as_string()->get(), where);
  }
}

void Config::merge_preset(std::string_view name, const std::string& where) {
  const auto preset = std::find_if(presets().begin(), presets().end(), [&](const Preset& p) { return p.name == name; });
  if (preset == presets().end()) {
    std::string known;
    for (const Preset& p : presets()) known += (known.empty() ? "" : ", ") + p.name;
    refuse(where, fmt::format("unknown preset \"{}\"; use one of {}", name, known));
  }
  const std::string source = "preset " + preset->name;
  for (const ConfigKey& key : config_schema())
    if (Entry& e = entries_[key.path]; e.origin.starts_with("preset ")) e = {key.fallback, "default"};
  std::vector<Found> found;
  collect(parse_toml(preset->text, source), "", source, found);
  bool taken = false;
  for (Found& f : found) {
    Entry& e = entries_[f.key->path];
    if (e.origin != "default" && !e.origin.starts_with(kOfMethod)) continue;
    e = {std::move(f.value), fmt::format("{}:{}", source, f.line)};
    taken = true;
  }
  if (!taken) refuse(where, fmt::format("preset \"{}\" has no effect: all keys that it sets are set already", name));
}

void Config::merge_environment(bool seed) {
  constexpr std::pair<const char*, const char*> kVariables[] = {{"CRC_DEVICE", "run.device"},
                                                                {"CRC_DATA_DIR", "data.dir"},
                                                                {"CRC_THREADS", "run.threads"},
                                                                {"CRC_SEED", "run.seed"}};
  for (auto [variable, path] : kVariables) {
    const char* text = std::getenv(variable);
    if (text && *text && (seed || std::string_view(path) != "run.seed") && origin(path) != "--set")
      assign_text(config_key(path), text, fmt::format("environment {}", variable), variable);
  }
}

void Config::merge_overrides(const std::vector<std::string>& settings, bool seed) {
  merge_environment(seed);
  for (const std::string& setting : settings) merge_setting(setting);
  take_defaults_of_method();
  take_rounds_of_budgets(*this);
}

// ssl/methods.def has them: "threshold=0.8 temperature=0.4". What another method had set before goes first.
void Config::take_defaults_of_method() {
  for (auto& [path, e] : entries_)
    if (e.origin.starts_with(kOfMethod)) e = {config_key(path).fallback, "default"};
  const std::string& method = get<std::string>("ssl.method");
  for (const ssl::MethodEntry& entry : ssl::methods()) {
    if (method != entry.name) continue;
    std::istringstream words(entry.defaults);
    for (std::string word; words >> word;) {
      const size_t equals = word.find('=');
      const ConfigKey& key = config_key("ssl." + word.substr(0, equals));
      if (entries_[key.path].origin == "default")
        assign_text(key, word.substr(equals + 1), "ssl/methods.def", kOfMethod + method);
    }
  }
}

void Config::merge_setting(std::string_view assignment) {
  const std::string where = "--set " + cut(std::string(assignment));
  const size_t equals = assignment.find('=');
  if (equals == assignment.npos) refuse(where, "is not of the form key=value, as in --set ssl.mu=7");
  const std::string path(assignment.substr(0, equals));
  if (path == "preset") return merge_preset(assignment.substr(equals + 1), where);
  const ConfigKey* key = find_key(path);
  if (!key) refuse_unknown(where, "key", path);
  assign_text(*key, assignment.substr(equals + 1), where, "--set");
}

void Config::merge_value(std::string_view path, std::string_view text, const std::string& origin) {
  const ConfigKey* key = find_key(path);
  if (!key) refuse_unknown(origin, "key", std::string(path));
  assign_text(*key, text, origin, origin);
}

void Config::assign_text(const ConfigKey& key, std::string_view text, const std::string& where,
                         const std::string& origin) {
  auto parse = [&](auto number) -> std::optional<ConfigValue> {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return ConfigValue(number);
  };
  std::optional<ConfigValue> value;
  if (std::holds_alternative<bool>(key.fallback)) {
    if (text == "true" || text == "false") value = ConfigValue(text == "true");
  } else if (std::holds_alternative<int64_t>(key.fallback)) {
    value = parse(int64_t());
  } else if (std::holds_alternative<double>(key.fallback)) {
    value = parse(double());
  } else {
    if (!data::is_utf8(text)) refuse(where, fmt::format("{} is not UTF-8; rename what it names", key.path));
    value = ConfigValue(std::string(text));
  }
  if (!value || !is_allowed(key, *value)) refuse_value(where, key, fmt::format("\"{}\"", cut(std::string(text))), text);
  entries_[key.path] = {*value, origin};
}

const Config::Entry& Config::entry(std::string_view path) const {
  const auto at = entries_.find(path);
  if (at == entries_.end()) config_key(path);  // fails, naming it
  return at->second;
}

template <class T> const T& Config::get(std::string_view path) const {
  const T* value = std::get_if<T>(&entry(path).value);
  if (!value) {
    fail_internal(
        fmt::format("the program reads the setting \"{}\" = {} as another type", path, to_text(entry(path).value)));
  }
  return *value;
}
template const bool& Config::get(std::string_view) const;
template const int64_t& Config::get(std::string_view) const;
template const double& Config::get(std::string_view) const;
template const std::string& Config::get(std::string_view) const;

size_t Config::choice_of(std::string_view path, Words words) const {
  const auto at = std::ranges::find(words, get<std::string>(path));
  if (at == words.end())
    fail_internal(
        fmt::format("the program reads the setting \"{}\" = {} as another choice", path, to_text(entry(path).value)));
  return size_t(at - words.begin());
}

const ConfigValue& Config::value(std::string_view path) const { return entry(path).value; }

const std::string& Config::origin(std::string_view path) const { return entry(path).origin; }

std::string Config::to_toml() const {
  std::string text = fmt::format("schema = {}\n", kSchema), section;
  for (const ConfigKey& key : config_schema()) {
    const size_t dot = key.path.rfind('.');
    if (key.path.substr(0, dot) != section) {
      section = key.path.substr(0, dot);
      text += fmt::format("\n[{}]\n", section);
    }
    const Entry& e = entry(key.path);
    std::string origin = apps::shown(e.origin);  // a file name may hold anything; a comment ends at the line's end
    for (char& c : origin) c = uint8_t(c) < 0x20 || c == 0x7f ? '?' : c;
    text += fmt::format("{:<48} # {}\n", key.path.substr(dot + 1) + " = " + to_text(e.value), origin);
  }
  return text;
}

bool Config::decides(const ConfigKey& key) const {
  return key.decides == Decides::result && (key.with.empty() || entry(key.with).value != config_key(key.with).fallback);
}

// A key that earlier versions did not have is left out where it says what they did, and data.seed = 1 reads 0, as their
// default did: their hashes stay.
std::string Config::hash() const {
  std::string canonical;
  for (const auto& [path, e] : entries_) {
    const ConfigKey& key = config_key(path);
    const bool first_seed = path == "data.seed" && e.value == ConfigValue(int64_t(1));
    if (decides(key) && (key.existed || key.before != e.value))
      canonical += path + "=" + (first_seed ? "0" : to_text(e.value)) + "\n";
  }
  return checksum(canonical);
}

std::vector<std::string> Config::differences(const Config& before) const {
  std::vector<std::string> list;
  for (const ConfigKey& key : config_schema()) {
    const ConfigValue &now = entry(key.path).value, &was = before.entry(key.path).value;
    if ((decides(key) || before.decides(key)) && now != was)
      list.push_back(fmt::format("{}: {}, was {}", key.path, to_text(now), to_text(was)));
  }
  return list;
}

std::vector<std::string> Config::moves(const Config& before) const {
  std::vector<std::string> list;
  for (const ConfigKey& key : config_schema()) {
    const Entry &now = entry(key.path), &was = before.entry(key.path);
    if (key.decides == Decides::place && now.value != was.value)
      list.push_back(fmt::format("{}: {} ({}), was {}", key.path, to_text(now.value), now.origin, to_text(was.value)));
  }
  return list;
}

Config resume_config(const Config& stored, const std::vector<std::string>& settings) {
  Config config = stored;
  config.merge_overrides(settings, /*seed=*/false);
  std::string changed;
  for (const std::string& difference : config.differences(stored))
    changed += (changed.empty() ? "" : "; ") + difference;
  if (!changed.empty()) {
    refuse("--set", changed + "; a resumed run keeps the settings that decide its result; start a new run instead");
  }
  return config;
}

}  // namespace crc::apps
