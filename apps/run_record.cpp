#include "apps/run_record.h"

#include <fmt/format.h>

#include "apps/parse_json.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr int64_t kMaxImage = 8 << 20;

double number(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<double>() : kNone;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() && !value.is_array()) return value.dump();
  std::string text;
  for (const auto& [key, item] : value.items()) {
    text += (text.empty() ? "" : value.is_array() ? " " : ", ") + (value.is_object() ? key + " " : "") + text_of(item);
  }
  return text;
}

std::vector<EpochMetrics> read_metrics(const fs::path& path) {
  std::vector<EpochMetrics> epochs;
  const std::string text = read_file(path);
  int line_number = 0;
  size_t start = 0;
  for (size_t end; (end = text.find('\n', start)) != text.npos; start = end + 1) {  // a torn last line is left out
    ++line_number;
    const json object = read_json(std::string_view(text).substr(start, end - start)).value_or(json());
    if (!object.is_object()) {
      fail(ExitCode::corrupt_data, fmt::format("{}:{}: is not a JSON object", path.string(), line_number));
    }
    const json round = object.value("round", json()), epoch = object.value("epoch", json());
    if (!round.is_number_integer() || !epoch.is_number_integer()) continue;  // another kind of record
    epochs.push_back({.round = round.get<int64_t>(),
                      .epoch = epoch.get<int64_t>(),
                      .test_acc = number(object, "test_acc"),
                      .test_loss = number(object, "test_loss"),
                      .loss_x = number(object, "loss_x"),
                      .loss_u = number(object, "loss_u"),
                      .mask_rate = number(object, "mask_rate"),
                      .pseudo_acc = number(object, "pseudo_acc")});
  }
  return epochs;
}

void read_run_facts(RunRecord& record) {
  const json run = read_run_json(record.path);
  for (const auto& [key, value] : run.items()) {
    if (key != "class_names" && key != "schema") record.facts.emplace_back(key, text_of(value));
  }
  if (run.contains("determinism")) record.determinism = text_of(run["determinism"]);
  if (run.contains("class_names") && run["class_names"].is_array()) {
    for (const json& name : run["class_names"]) record.class_names.push_back(text_of(name));
  }
}

void read_round_files(RunRecord& record) {
  for (int64_t round = 0; round <= int64_t(record.rounds.size()); ++round) {
    const fs::path folder = round_folder(record.path, round);
    if (fs::exists(folder / "query.png")) record.query_png[round] = read_file(folder / "query.png", kMaxImage);
    const fs::path scores = folder / "scores.json";
    if (fs::exists(scores)) record.scores[round] = histogram_from_json(read_file(scores), scores.string());
  }
}

}  // namespace

RunRecord load_run(const fs::path& directory) {
  RunRecord record;
  record.path = directory;
  read_run_facts(record);
  record.config_text = read_file(directory / "config.toml", 1 << 20);
  record.config.merge_toml(record.config_text, (directory / "config.toml").string());
  record.acquisition = record.config.get<std::string>("acquisition.name");
  record.seed = record.config.get<int64_t>("run.seed");
  record.name = record.config.get<std::string>("run.name");
  if (record.name.empty()) record.name = fs::absolute(directory).lexically_normal().filename().string();
  if (record.name.empty()) record.name = directory.string();
  record.marker = marker_of(directory);

  // In this order: a running run writes the ledger before the round.
  const fs::path rounds = directory / "rounds.csv";
  if (fs::exists(rounds)) record.rounds = rounds_from_csv(read_file(rounds), rounds.string());
  record.labels = load_ledger(directory / "labels.jsonl").labels;
  record.ledger_head = record.labels.empty() ? "" : record.labels.back().hash;
  for (const RoundRow& row : record.rounds) {
    const int64_t counted = labels_through(record.labels, row.round);
    if (counted != row.labels) {
      fail(ExitCode::corrupt_data,
           fmt::format(
               "{} says {} labels in round {}, but labels.jsonl holds {}; one of the two was changed, restore it",
               rounds.string(), row.labels, row.round, counted));
    }
  }
  record.epochs = read_metrics(directory / "metrics.jsonl");
  read_round_files(record);
  return record;
}

}  // namespace crc::apps
