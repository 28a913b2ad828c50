#include "apps/sweep/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/config/choices.h"
#include "apps/rundir/run_dir.h"
#include "apps/sweep/sweep_measure.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

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
  const auto set = [&](const char* what, int64_t& own, int64_t asked) {
    if (asked != own) departures_.push_back(fmt::format("{} {} instead of {}", what, asked, own));
    own = asked;
  };
  if (options_.trials > 0) set("trials", spec_.trials, options_.trials);
  if (options_.pools >= 0) set("initial pools", spec_.initial_pools, options_.pools);
  if (options_.until) spec_.trials = options_.until->trials = std::max(spec_.trials, options_.until->trials);
  add_controls();
  fill_title();
  add_cells();
}

std::vector<std::string> Sweep::departures() const {
  std::vector<std::string> list = departures_;
  std::ranges::remove_copy_if(options_.settings, std::back_inserter(list), is_place);
  return list;
}

void Sweep::check_names(const std::vector<const SweepCell*>& cells) const {
  for (const std::string& asked : options_.settings)
    for (const SweepCell* cell : cells) {
      if (cell->phase == Phase::pool) continue;
      const auto own = [&](const SweepMethod& method) {
        std::string last;
        for (const std::string& setting : method.settings)
          if (key_of(setting) == key_of(asked)) last = setting;
        return last;
      };
      const std::vector<SweepMethod>& methods = spec_.blocks[cell->block].methods;
      const SweepMethod& method = methods[cell->method];
      const std::string its = own(method);
      if (its.empty() || its == asked) continue;
      if (std::ranges::all_of(methods, [&](const SweepMethod& other) { return own(other) == its; })) continue;
      fail(ExitCode::usage,
           fmt::format("--set {}: the method \"{}\" is {}, and would be another one under its name; give a copy of the "
                       "recipe the methods that you want",
                       asked, method.name, its));
    }
}

// "Q = {acquisition.budget}" says what the first block's runs have, whatever --set made of it.
void Sweep::fill_title() {
  const Config first = config({.name = {}});
  for (const ConfigKey& key : config_schema()) {
    const std::string place = "{" + key.path + "}";
    for (size_t at; (at = spec_.title.find(place)) != spec_.title.npos;)
      spec_.title.replace(at, place.size(), to_text(first.value(key.path)));
  }
}

// Where the recipe gives no published numbers: a table or figure of a paper has its rows alone. A control has the
// settings that all methods of the block share.
void Sweep::add_controls() {
  for (size_t b = 0; b < spec_.blocks.size(); ++b) {
    std::vector<SweepMethod>& methods = spec_.blocks[b].methods;
    std::vector<std::string> shared = methods[0].settings;
    std::set<std::string> present;
    bool asks = false, published = spec_.figure.has_value();
    for (size_t m = 0; m < methods.size(); ++m) {
      const Config config = this->config({.name = {}, .block = b, .method = m});
      present.insert(config.get<std::string>("acquisition.name"));
      asks = asks || config.get<int64_t>("acquisition.rounds") > 0;
      published = published || !methods[m].paper.empty();
      std::erase_if(shared, [&](const std::string& setting) {
        return std::ranges::find(methods[m].settings, setting) == methods[m].settings.end();
      });
    }
    std::erase_if(shared, [](const std::string& setting) { return setting.starts_with("acquisition.name="); });
    for (const std::string& control : options_.controls) {
      if (!asks || published || present.contains(control)) continue;
      SweepMethod& method = methods.emplace_back(SweepMethod{.name = control, .settings = shared, .paper = {}});
      method.settings.push_back("acquisition.name=" + control);
    }
  }
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
  name_cells();
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

// The names that earlier versions gave, wherever those were distinct.
void Sweep::name_cells() {
  std::vector<std::string> blocks, methods, of_block, exact;
  std::vector<size_t> first;  // of each block's methods
  for (const SweepBlock& block : spec_.blocks) {
    of_block.push_back(block.name);
    blocks.push_back(spec_.blocks.size() > 1 ? slug(block.name) + "-" : "");
    first.push_back(methods.size());
    for (const SweepMethod& method : block.methods) {
      methods.push_back(blocks.back() + slug(method.name));
      exact.push_back(block.name + '\0' + method.name);
    }
  }
  const std::vector<std::string> wanted = blocks;
  blocks = distinct_names(std::move(blocks), of_block);
  methods = distinct_names(std::move(methods), exact);
  std::set<std::string> names;
  for (SweepCell& cell : cells_) {
    const std::string trial = fmt::format("{}-{}{}", methods[first[cell.block] + cell.method], spec_.trial, cell.index);
    const std::string& block = blocks[cell.block];
    cell.name = cell.phase == Phase::trial ? trial
                : cell.phase == Phase::pool
                    ? fmt::format("{}{}pool-{}", block, block == wanted[cell.block] ? "" : "-", cell.index)
                    : fmt::format("{}-q{}-again{}", trial, cell.query, cell.again);
    if (!names.insert(cell.name).second)
      fail(ExitCode::config, fmt::format("recipe {}: two runs of the sweep would share the directory \"{}\"; give its "
                                         "blocks and methods other names",
                                         options_.recipe, cell.name));
  }
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
    list.insert(list.end(), {"acquisition.rounds=0", "start.use=labels", fmt::format("start.round={}", cell.query)});
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

PlannedRun Sweep::run_of(const SweepCell& cell) const {
  PlannedRun run{.directory = path(cell), .config = config(cell), .phase = int(cell.phase)};
  const bool from_pool = cell.phase == Phase::trial && spec_.initial_pools > 0;
  if (cell.phase == Phase::reconfirm) run.config.merge_setting("start.run=" + path(trial_of(cell)).string());
  if (from_pool && pools_done(cell.block))
    run.config.merge_setting("start.run=" + path(median_pool(cell.block)).string());
  run.adopts = (from_pool || !run.config.get<std::string>("start.run").empty()) &&
               run.config.choice<StartUse>("start.use") == StartUse::model;
  return run;
}

bool Sweep::done(const SweepCell& cell) const { return marker_of(path(cell)) == Marker::done; }

void Sweep::check(const SweepCell& cell) const { check_cell(run_of(cell)); }

bool Sweep::pools_done(size_t block) const {
  return std::ranges::all_of(cells_,
                             [&](const SweepCell& c) { return c.phase != Phase::pool || c.block != block || done(c); });
}

const SweepCell& Sweep::median_pool(size_t block) const {
  std::vector<std::pair<double, const SweepCell*>> pools;
  const Measure measure = spec_.blocks[block].measure;
  for (const SweepCell& cell : cells_) {
    if (cell.phase != Phase::pool || cell.block != block) continue;
    if (!done(cell))
      fail(ExitCode::input_missing, fmt::format("{} is not done, and the methods start from the median of the initial "
                                                "pools; run the sweep without --only first",
                                                path(cell).string()));
    check(cell);
    RunFiles files(path(cell));
    const std::vector<RoundRow> rounds = read_run(files).rounds;
    if (rounds.empty())
      fail(ExitCode::corrupt_data, fmt::format("{} is done, but its rounds.csv is missing or has no round; {}",
                                               path(cell).string(), remedy("rounds.csv")));
    const double value = rounds[0].*measure_column(measure);
    if (std::isnan(value))
      fail(ExitCode::config,
           fmt::format("{} has no accuracy by the measure \"{}\", so that no initial pool is the median one; choose "
                       "another measure, or --pools 0",
                       (path(cell) / "rounds.csv").string(), word_of(measure)));
    pools.emplace_back(value, &cell);
  }
  if (pools.empty()) fail_internal("median_pool: the sweep has no initial pools");
  std::stable_sort(pools.begin(), pools.end(), [](auto& a, auto& b) { return a.first < b.first; });
  return *pools[(pools.size() - 1) / 2].second;
}

const SweepCell& Sweep::trial_of(const SweepCell& again) const {
  return *std::ranges::find_if(cells_, [&](const SweepCell& c) {
    return c.phase == Phase::trial && c.block == again.block && c.method == again.method && c.index == again.index;
  });
}

std::vector<std::string> Sweep::arguments(const SweepCell& cell) const {
  check(cell);
  const fs::path run = path(cell);
  if (fs::exists(run / "run.json")) {
    std::vector<std::string> list{"resume", run.string(), "--quiet"};
    for (const std::string& setting : options_.settings)
      if (is_place(setting)) list.insert(list.end(), {"--set", setting});
    return list;
  }
  std::vector<std::string> list{"run", (directory_ / kRecipeFile).string(), "--quiet", "--out", run.string()};
  std::vector<std::string> all = settings(cell);
  if (cell.phase == Phase::trial && spec_.initial_pools > 0)
    all.push_back("start.run=" + fs::absolute(path(median_pool(cell.block))).string());
  if (cell.phase == Phase::reconfirm) {
    const SweepCell& trial = trial_of(cell);
    if (!done(trial))
      fail(ExitCode::input_missing, fmt::format("{} is not done, and {} trains on its labels; run the sweep without "
                                                "--only first",
                                                path(trial).string(), cell.name));
    check(trial);
    all.push_back("start.run=" + fs::absolute(path(trial)).string());
  }
  for (const std::string& setting : all) list.insert(list.end(), {"--set", setting});
  return list;
}

std::vector<std::string> distinct_names(std::vector<std::string> wanted, const std::vector<std::string>& exact) {
  constexpr size_t kLongest = 200;  // bytes; file systems allow 255, and names grow by "-t99-q99-again99"
  std::set<std::string> taken;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string stem = wanted[i].substr(0, kLongest - 10);
    const std::string separator = stem.empty() || stem.back() == '-' ? "" : "-";
    for (int again = 0; wanted[i].size() > kLongest || taken.contains(wanted[i]); ++again)
      wanted[i] = stem + separator + checksum(fmt::format("{}\n{}", exact[i], again)).substr(0, 8);
    taken.insert(wanted[i]);
  }
  return wanted;
}

}  // namespace crc::apps
