#include "apps/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/json_text.h"
#include "apps/run_dir.h"
#include "apps/sweep_measure.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kFile = "sweep.json";
constexpr const char* kRecipe = "recipe.toml";  // what the cells run, whatever later versions of the recipe say
// Seeds of pools, trials and repetitions must not meet.
constexpr int64_t kPoolSeed = 1000, kAgainSeed = 2000;

// "FixMatch, Q=50" to "fixmatch-q50"
std::string slug(std::string_view name) {
  std::string text;
  for (char c : name) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      text += c;
    } else if (c >= 'A' && c <= 'Z') {
      text += char(c - 'A' + 'a');
    } else if ((c == ' ' || c == '-' || c == '_') && !text.empty() && text.back() != '-') {
      text += '-';
    }
  }
  return text;
}

}  // namespace

std::string to_string(Phase phase) {
  return phase == Phase::pool ? "pool" : phase == Phase::trial ? "trial" : "reconfirm";
}

Sweep::Sweep(fs::path directory, SweepOptions options, std::string recipe_text)
    : directory_(std::move(directory)),
      options_(std::move(options)),
      recipe_text_(std::move(recipe_text)),
      spec_(parse_sweep(recipe_text_, "recipe " + options_.recipe)) {
  if (options_.trials > 0) spec_.trials = options_.trials;
  if (options_.pools >= 0) spec_.initial_pools = options_.pools;
  add_cells();
}

// Trial by trial, so that an unfinished sweep compares all methods on the trials it has.
void Sweep::add_cells() {
  for (size_t b = 0; b < spec_.blocks.size(); ++b)
    for (int64_t p = 0; p < spec_.initial_pools; ++p)
      cells_.push_back({.name = {}, .phase = Phase::pool, .block = b, .index = p});
  for (int64_t trial = 0; trial < spec_.trials; ++trial)
    for (size_t b = 0; b < spec_.blocks.size(); ++b)
      for (size_t m = 0; m < spec_.blocks[b].methods.size(); ++m)
        cells_.push_back({.name = {}, .phase = Phase::trial, .block = b, .method = m, .index = trial});
  for (size_t b = 0; b < spec_.blocks.size(); ++b)
    for (size_t m = 0; m < spec_.blocks[b].methods.size(); ++m) add_reconfirmations(b, m);
  for (SweepCell& cell : cells_) cell.name = cell_name(cell);
}

void Sweep::add_reconfirmations(size_t block, size_t method) {
  const std::vector<std::string>& paper = spec_.blocks[block].methods[method].paper;
  const int64_t rounds = config({.name = {}, .block = block, .method = method}).get<int64_t>("acquisition.rounds");
  for (int64_t query = 1; query <= std::min(rounds, int64_t(paper.size())); ++query) {
    if (!parse_paper_number(paper[size_t(query - 1)]).starred) continue;
    for (int64_t trial = 0; trial < spec_.trials; ++trial)
      for (int64_t again = 0; again < spec_.reconfirm; ++again)
        cells_.push_back({.name = {},
                          .phase = Phase::reconfirm,
                          .block = block,
                          .method = method,
                          .index = trial,
                          .query = query,
                          .again = again});
  }
}

std::string Sweep::cell_name(const SweepCell& cell) const {
  const SweepBlock& block = spec_.blocks[cell.block];
  const std::string of_block = spec_.blocks.size() > 1 ? slug(block.name) + "-" : "";
  if (cell.phase == Phase::pool) return fmt::format("{}pool-{}", of_block, cell.index);
  const std::string trial = fmt::format("{}{}-t{}", of_block, slug(block.methods[cell.method].name), cell.index);
  return cell.phase == Phase::trial ? trial : fmt::format("{}-q{}-again{}", trial, cell.query, cell.again);
}

// The recipe's own settings are not among them: `run RECIPE` begins with those.
std::vector<std::string> Sweep::settings(const SweepCell& cell) const {
  const SweepBlock& block = spec_.blocks[cell.block];
  std::vector<std::string> list = block.settings;
  if (cell.phase != Phase::pool) {
    const auto& own = block.methods[cell.method].settings;
    list.insert(list.end(), own.begin(), own.end());
  }
  list.insert(list.end(), options_.settings.begin(), options_.settings.end());
  int64_t seed = cell.index;
  if (cell.phase == Phase::pool) {
    seed += kPoolSeed;
    list.insert(list.end(), {"acquisition.name=random", "acquisition.rounds=0"});
  }
  if (cell.phase == Phase::reconfirm) {
    seed = kAgainSeed + cell.query * 100 + cell.index * 10 + cell.again;
    list.push_back("acquisition.rounds=0");
  }
  list.push_back(fmt::format("run.seed={}", seed));
  list.push_back("run.name=" + (cell.name.empty() ? "cell" : cell.name));
  return list;
}

Config Sweep::config(const SweepCell& cell) const {
  Config resolved;
  resolved.merge_toml(recipe_text_, "recipe " + options_.recipe);
  resolved.merge_overrides(settings(cell), /*seed=*/false);
  return resolved;
}

bool Sweep::done(const SweepCell& cell) const { return marker_of(path(cell)) == Marker::done; }

const SweepCell& Sweep::median_pool(size_t block) const {
  std::vector<std::pair<double, const SweepCell*>> pools;
  for (const SweepCell& cell : cells_) {
    if (cell.phase != Phase::pool || cell.block != block) continue;
    if (!done(cell))
      fail(ExitCode::input_missing, fmt::format("{} is not done, and the methods start from the median of the initial "
                                                "pools; run the sweep without --only first",
                                                path(cell).string()));
    RunFiles files(path(cell));
    const std::vector<RoundRow> rounds = read_run(files).rounds;
    if (rounds.empty())
      fail(ExitCode::corrupt_data, fmt::format("{} is done, but its rounds.csv is missing or has no round; {}",
                                               path(cell).string(), remedy("rounds.csv")));
    const std::string& measure = spec_.blocks[block].measure;
    const double value = rounds[0].*measure_column(measure);
    if (std::isnan(value))
      fail(ExitCode::config,
           fmt::format("{} has no accuracy by the measure \"{}\", so that no initial pool is the median "
                       "one; choose another measure, or --pools 0",
                       path(cell).string(), measure));
    pools.emplace_back(value, &cell);
  }
  if (pools.empty()) fail_internal("median_pool: the sweep has no initial pools");
  std::stable_sort(pools.begin(), pools.end(), [](auto& a, auto& b) { return a.first < b.first; });
  return *pools[(pools.size() - 1) / 2].second;
}

std::vector<std::string> Sweep::arguments(const SweepCell& cell) const {
  const fs::path run = path(cell);
  if (fs::exists(run / "run.json")) return {"resume", run.string(), "--quiet"};
  std::vector<std::string> list{"run", (directory_ / kRecipe).string(), "--quiet", "--out", run.string()};
  std::vector<std::string> all = settings(cell);
  if (cell.phase == Phase::trial && spec_.initial_pools > 0)
    all.push_back("start.run=" + fs::absolute(path(median_pool(cell.block))).string());
  if (cell.phase == Phase::reconfirm) {
    SweepCell trial{.name = {}, .block = cell.block, .method = cell.method, .index = cell.index};
    trial.name = cell_name(trial);
    if (!done(trial))
      fail(ExitCode::input_missing, fmt::format("{} is not done, and {} trains on its labels; run the sweep without "
                                                "--only first",
                                                path(trial).string(), cell.name));
    all.insert(all.end(), {"start.run=" + fs::absolute(path(trial)).string(), "start.use=labels",
                           fmt::format("start.round={}", cell.query)});
  }
  for (const std::string& setting : all) list.insert(list.end(), {"--set", setting});
  return list;
}

std::string Sweep::json_text() const {
  return crc::apps::json_text(json{{"schema", 1},
                                   {"recipe", options_.recipe},
                                   {"settings", options_.settings},
                                   {"trials", options_.trials},
                                   {"pools", options_.pools}},
                              1) +
         "\n";
}

bool Sweep::is_sweep(const fs::path& directory) { return fs::exists(directory / kFile); }

Sweep Sweep::plan(const fs::path& directory, const SweepOptions& options) {
  return Sweep(directory, options, recipe_text(options.recipe));
}

Sweep Sweep::create(const fs::path& directory, const SweepOptions& options) {
  Sweep sweep = plan(directory, options);
  if (file_exists(directory / kFile, Use::output)) {
    const Sweep before = open(directory);
    if (before.json_text() != sweep.json_text() || before.recipe_text_ != sweep.recipe_text_)
      fail(
          ExitCode::output_refused,
          fmt::format("{} holds a sweep with another recipe or other settings ({}); repeat its options to continue it, "
                      "or name another directory",
                      directory.string(), (directory / kFile).string()));
    return sweep;
  }
  if (file_exists(directory, Use::output) && !list_folder(directory, Use::output).empty())
    fail(ExitCode::output_refused, directory.string() + " is not empty and no sweep; name another directory");
  make_directories(directory);
  commit_file(directory / kRecipe, sweep.recipe_text_);
  commit_file(directory / kFile, sweep.json_text());
  return sweep;
}

Sweep Sweep::open(const fs::path& directory) {
  const fs::path file = directory / kFile;
  const json object = json::parse(read_file(file, 1 << 24), nullptr, false);
  try {
    return Sweep(directory,
                 {.recipe = object.at("recipe").get<std::string>(),
                  .settings = object.at("settings").get<std::vector<std::string>>(),
                  .trials = object.at("trials").get<int64_t>(),
                  .pools = object.at("pools").get<int64_t>()},
                 read_file(directory / kRecipe, 1 << 20));
  } catch (const nlohmann::json::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{} is damaged: {}; restore it", file.string(), error.what()));
  }
}

}  // namespace crc::apps
