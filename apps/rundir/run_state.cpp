#include "apps/rundir/run_state.h"

#include <fmt/format.h>

#include "apps/base/json.h"
#include "apps/rundir/checkpoints.h"
#include "apps/rundir/state_file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

json parse_run_json(const std::string& text, const fs::path& path) {
  json object = read_json(text).value_or(json());
  if (!object.is_object() || object.value("schema", json()) != 1)
    fail(ExitCode::corrupt_data, path.string() + " is damaged, or of another version of this program");
  return object;
}

RunFacts facts_of(const json& run, const fs::path& path, std::string* config_file) {
  try {
    *config_file = run.at("config_file").get<std::string>();
    return {.limits = {.items = run.at("items").get<int64_t>(), .classes = run.at("classes").get<int64_t>()},
            .data_hash = run.at("data_hash").get<std::string>(),
            .config_hash = run.at("config_hash").get<std::string>(),
            .class_names = run.at("class_names").get<std::vector<std::string>>(),
            .normalized = run.contains("normalize"),
            .start = run.value("start", std::map<std::string, std::string>())};
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{}: {}; restore it from a copy", path.string(), error.what()));
  }
}

// Of an earlier version without a manifest, too. The text is compared, not the values: a later version may know keys
// that the file does not have.
void check_config(const RunState& state, const std::string& expected, const fs::path& path) {
  if (checksum(state.config_text) != expected)
    fail(ExitCode::corrupt_data, fmt::format("{} was changed after the run started (run.json has its checksum); {}",
                                             path.string(), remedy(path.filename().string())));
}

void check_checkpoints(const std::vector<Checkpoints::Entry>& entries, const RunState& state, const fs::path& run) {
  for (const Checkpoints::Entry& entry : entries) {
    if (entries_at(state.entries, entry.info.ledger_head) != entry.info.labels)
      fail(ExitCode::corrupt_data,
           fmt::format("{}: labels.jsonl is not the ledger that {} was trained with (head {}, {} labels); restore it "
                       "from a copy",
                       run.string(), entry.file, entry.info.ledger_head, entry.info.labels));
    if (entry.info.config_hash != state.facts.config_hash)
      fail(ExitCode::corrupt_data, fmt::format("{}: {} was trained with another configuration; restore config.toml and "
                                               "run.json from a copy",
                                               run.string(), entry.file));
  }
}

void check_rounds(const RunState& state, const fs::path& path) {
  for (size_t i = 0; i < state.rounds.size(); ++i) {
    const RoundRow& row = state.rounds[i];
    if (row.round != int64_t(i))
      fail(ExitCode::corrupt_data, fmt::format("{}:{}: is round {} where round {} belongs; {}", path.string(), i + 2,
                                               row.round, i, remedy("rounds.csv")));
    const int64_t counted = labels_through(state.entries, row.round);
    if (counted != row.labels)
      fail(ExitCode::corrupt_data,
           fmt::format(
               "{} says {} labels in round {}, but labels.jsonl holds {}; one of the two was changed, restore it",
               path.string(), row.labels, row.round, counted));
  }
}

// Arrays that a host program gave lie in the run's own directory, wherever that has gone.
void follow_data(Config& config, const fs::path& run) {
  const fs::path data = config.get<std::string>("data.dir"), own = fs::absolute(run) / "data";
  std::error_code ignored;
  if (data.filename() == "data" && !fs::exists(data, ignored) && fs::is_directory(own, ignored))
    config.merge_value("data.dir", own.string(), "moved with the run");
}

}  // namespace

data::NormalizeStats run_normalization(const json& run, const data::Dataset& dataset) {
  if (!run.contains("normalize")) return dataset.normalize_before.value_or(dataset.normalize);
  data::NormalizeStats stats;
  try {
    for (size_t c = 0; c < 3; ++c) {
      stats.mean[c] = run.at("normalize").at("mean").at(c).get<float>();
      stats.std[c] = run.at("normalize").at("std").at(c).get<float>();
    }
  } catch (const json::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("run.json: {}; restore it from a copy", error.what()));
  }
  return stats;
}

json read_run_json(const fs::path& run) {
  const fs::path path = run / "run.json";
  if (!fs::exists(path)) {
    fail(ExitCode::input_missing, fmt::format("{} is not a run's directory (it has no run.json); check the path, or "
                                              "start a run with: crc_train run CONFIG.toml --out {}",
                                              run.string(), run.string()));
  }
  return parse_run_json(read_file(path, 1 << 24), path);
}

RunState read_run(RunFiles& files) {
  const fs::path& run = files.path();
  if (!files.has("run.json")) (void)read_run_json(run);  // says that this is no run
  RunState state;
  state.run = parse_run_json(files.read("run.json", 1 << 24), run / "run.json");
  if (state.run.contains("manifest") && !files.has_manifest())
    fail(ExitCode::corrupt_data, fmt::format("{} is missing, and so is its copy; without it nothing proves that the "
                                             "run's files are what it wrote; restore it from a copy",
                                             (run / RunFiles::kManifest).string()));
  std::string config_file;
  state.facts = facts_of(state.run, run / "run.json", &config_file);
  state.config_text = files.read("config.toml", 1 << 20);
  check_config(state, config_file, run / "config.toml");
  state.config = Config::of_run(state.config_text, (run / "config.toml").string());
  follow_data(state.config, run);

  // In this order: a run that goes on writes the ledger before the checkpoint and before the round.
  const fs::path index = run / "ckpt" / Checkpoints::kIndex, rounds = run / "rounds.csv";
  std::vector<Checkpoints::Entry> entries;
  if (fs::exists(index) || fs::exists(copy_of(index))) entries = Checkpoints(run / "ckpt").entries();
  if (files.has("rounds.csv")) state.rounds = rounds_from_csv(files.read("rounds.csv"), rounds.string());
  state.entries = parse_ledger(files.read("labels.jsonl"), run / "labels.jsonl", state.facts.limits).entries;
  check_checkpoints(entries, state, run);
  check_rounds(state, rounds);
  return state;
}

}  // namespace crc::apps
