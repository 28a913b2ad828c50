// A sweep's own two files: sweep.json, what it was made with, and recipe.toml.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <regex>

#include "apps/base/json.h"
#include "apps/rundir/run_dir.h"
#include "apps/sweep/sweep.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kFile = "sweep.json";
constexpr int64_t kMaxRecipe = 1 << 20;
constexpr int64_t kMostTrials = 1000;

}  // namespace

StopRule parse_rule(const std::string& text) {
  static const std::regex kRule(R"(\s*width\s*<\s*([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*)");
  std::smatch match;
  if (!std::regex_match(text, match, kRule) || !(std::stod(match[1]) > 0))
    fail(ExitCode::usage,
         fmt::format("--until \"{}\": write \"width < 1.0\", the width in points that the widest 95 % interval of a "
                     "difference between two methods is to fall below",
                     text));
  return {.width = std::stod(match[1])};
}

bool Sweep::is_place(const std::string& setting) {
  const std::string key = key_of(setting);
  return key != "preset" && config_key(key).decides == Decides::place;
}

// Without controls and a rule it is what earlier versions wrote.
std::string Sweep::json_text() const {
  json object{{"schema", 1},
              {"recipe", options_.recipe},
              {"settings", options_.settings},
              {"trials", options_.trials},
              {"pools", options_.pools}};
  if (!options_.controls.empty()) object["controls"] = options_.controls;
  if (const std::optional<StopRule>& rule = options_.until)
    object["until"] = {
        {"width", rule->width}, {"hours", rule->hours}, {"trials", rule->trials}, {"ended", rule->ended}};
  return crc::apps::json_text(object, 1) + "\n";
}

void Sweep::add_trial() {
  options_.until->trials = ++spec_.trials;
  cells_.clear();
  add_cells();
  write_index();
}

void Sweep::end_trials(const std::string& why) {
  options_.until->ended = why;
  write_index();
}

// What must be the same for a sweep to be continued, by the options that say it.
std::map<std::string, std::string> Sweep::identity() const {
  std::vector<std::string> deciding = options_.settings;
  std::erase_if(deciding, is_place);
  std::map<std::string, std::string> said{{"the recipe", recipe_text_},
                                          {"--set", fmt::format("{}", fmt::join(deciding, ", "))},
                                          {"--trials", options_.trials == 0 ? "" : std::to_string(options_.trials)},
                                          {"--pools", options_.pools < 0 ? "" : std::to_string(options_.pools)},
                                          {"controls", fmt::format("{}", fmt::join(options_.controls, ", "))}};
  if (options_.until)
    said["--until"] = fmt::format("width < {} --hours {}", options_.until->width, options_.until->hours);
  return said;
}

// What of `before` this sweep is asked otherwise, in words; empty: nothing.
std::string Sweep::difference(const Sweep& before) const {
  auto there = before.identity(), here = identity();
  for (const auto& [what, value] : here) there.try_emplace(what);  // said here alone
  std::vector<std::string> words;
  for (const auto& [what, value] : there) {
    if (value == here[what]) continue;
    const auto said = [](const std::string& v) { return v.empty() ? "not given" : v; };
    words.push_back(what == "the recipe" ? "another recipe file"
                                         : fmt::format("{}: {} there, {} now", what, said(value), said(here[what])));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

void Sweep::refuse_others() const {
  if (file_exists(directory_ / kFile, Use::output)) {
    const std::string words = difference(open(directory_));
    if (words.empty()) return;
    fail(ExitCode::output_refused,
         fmt::format("{} holds a sweep with another recipe or other settings ({}); repeat its options to continue it "
                     "({}), or name another directory",
                     directory_.string(), words, (directory_ / kFile).string()));
  }
  if (!file_exists(directory_, Use::output)) return;
  for (const fs::path& entry : list_folder(directory_, Use::output)) {
    const std::string name = entry.filename().string();
    if (name == RunLock::kName || is_temporary(entry)) continue;
    if (name == kRecipeFile && read_file(entry, kMaxRecipe) == recipe_text_) continue;  // a creation that was killed
    fail(ExitCode::output_refused, directory_.string() + " is not empty and no sweep; name another directory");
  }
}

bool Sweep::is_sweep(const fs::path& directory) { return fs::exists(directory / kFile); }

// A sweep that is there keeps its controls, or its having none; one that is switched off by name makes another sweep.
SweepOptions Sweep::as_before(const fs::path& directory, SweepOptions options) {
  if (directory.empty() || !is_sweep(directory)) return options;
  const SweepOptions before = open(directory).options_;
  const auto wanted = [&](const std::string& control) {
    return std::ranges::find(options.controls, control) != options.controls.end();
  };
  if (std::ranges::all_of(before.controls, wanted)) options.controls = before.controls;
  if (options.until && before.until) {
    options.until->trials = before.until->trials;
    options.until->ended = before.until->ended;
  }
  return options;
}

Sweep Sweep::plan(const fs::path& directory, const SweepOptions& options) {
  return Sweep(directory, as_before(directory, options), recipe_text(options.recipe));
}

Sweep Sweep::create(const fs::path& directory, const SweepOptions& options) {
  Sweep sweep = plan(directory, options);
  sweep.refuse_others();  // before .lock is created in somebody's directory
  sweep.lock();
  sweep.refuse_others();
  sweep.write_index();
  return sweep;
}

void Sweep::lock() {
  make_directories(directory_);
  lock_ = std::make_shared<RunLock>(directory_);
  for (const fs::path& folder : {directory_, directory_ / "figures"}) remove_stale_temporaries(folder);
  for (const SweepCell& cell : cells_) remove_file(path(cell).string() + ".err");  // of earlier versions
}

void Sweep::write_index() const {
  const auto commit = [&](const char* name, const std::string& text) {
    const fs::path file = directory_ / name;
    if (!fs::exists(file) || read_file(file) != text) commit_file(file, text);
  };
  commit(kRecipeFile, recipe_text_);
  commit(kFile, json_text());  // last: from here on it is a sweep
}

Sweep Sweep::open(const fs::path& directory) {
  const fs::path file = directory / kFile;
  const json object = parse_json(read_file(file, 1 << 24), file.string());
  try {
    SweepOptions options{.recipe = object.at("recipe").get<std::string>(),
                         .settings = object.at("settings").get<std::vector<std::string>>(),
                         .trials = object.at("trials").get<int64_t>(),
                         .pools = object.at("pools").get<int64_t>()};
    if (object.contains("controls")) options.controls = object["controls"].get<std::vector<std::string>>();
    if (object.contains("until")) {
      const json& rule = object["until"];
      options.until = {.width = rule.at("width").get<double>(),
                       .hours = rule.at("hours").get<double>(),
                       .trials = std::clamp<int64_t>(rule.at("trials").get<int64_t>(), 0, kMostTrials),
                       .ended = rule.at("ended").get<std::string>()};
    }
    return Sweep(directory, std::move(options), read_file(directory / kRecipeFile, kMaxRecipe));
  } catch (const nlohmann::json::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{} is damaged: {}; restore it", file.string(), error.what()));
  }
}

}  // namespace crc::apps
