#include "apps/rundir/run_record.h"

#include <fmt/format.h>

#include "apps/base/json.h"
#include "apps/base/terminal.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr int64_t kMaxImage = 8 << 20;

double number(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<double>() : kNone;
}

std::vector<double> numbers(const json& object, const char* key) {
  std::vector<double> values;
  const auto at = object.find(key);
  if (at != object.end() && at->is_array())
    for (const json& value : *at) values.push_back(value.is_number() ? value.get<double>() : kNone);
  return values;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() && !value.is_array()) return json_text(value);
  std::string text;
  for (const auto& [key, item] : value.items()) {
    text += (text.empty() ? "" : value.is_array() ? " " : ", ") + (value.is_object() ? key + " " : "") + text_of(item);
  }
  return text;
}

std::vector<EpochMetrics> parse_metrics(const std::string& text, const fs::path& path) {
  std::vector<EpochMetrics> epochs;
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
    epochs.push_back(
        {.round = round.get<int64_t>(),
         .epoch = epoch.get<int64_t>(),
         .test_acc = number(object, "test_acc"),
         .val_acc = number(object, "val_acc"),
         .test_loss = number(object, "test_loss"),
         .loss_x = number(object, "loss_x"),
         .loss_u = number(object, "loss_u"),
         .mask_rate = number(object, "mask_rate"),
         .pseudo_acc = number(object, "pseudo_acc"),
         .unclaimed = number(object, "unclaimed"),
         .precision = numbers(object, "pseudo_precision"),
         .recall = numbers(object, "pseudo_recall"),
         .threshold = numbers(object, object.contains("running.threshold") ? "running.threshold" : "running.mean")});
  }
  return epochs;
}

void take_facts(RunRecord& record, const json& run) {
  for (const auto& [key, value] : run.items()) {
    if (key != "class_names" && key != "schema") record.facts.emplace_back(key, text_of(value));
  }
  if (run.contains("data_hash")) record.data_hash = text_of(run["data_hash"]);
  if (run.contains("determinism")) record.determinism = text_of(run["determinism"]);
  if (run.contains("class_names") && run["class_names"].is_array()) {
    for (const json& name : run["class_names"]) record.class_names.push_back(text_of(name));
  }
}

void read_round_files(RunRecord& record, RunFiles& files) {
  for (int64_t round = 0; round <= int64_t(record.rounds.size()); ++round) {
    const std::string png = round_name(round, "query.png"), scores = round_name(round, "scores.json");
    if (files.has(png)) record.query_png[round] = files.read(png, kMaxImage);
    if (files.has(scores))
      record.scores[round] = histogram_from_json(files.read(scores), (record.path / scores).string());
    for (const Query& query : files.queries())
      if (query.folder + "/query.png" == png) record.asked[round] = query.items;
    const std::string wrong = round_name(round, "mistakes.json"), sheet = round_name(round, "mistakes.png");
    if (round == int64_t(record.rounds.size()) || !files.has(wrong)) continue;
    record.mistakes = mistakes_from_json(files.read(wrong), (record.path / wrong).string());
    if (files.has(sheet)) record.mistakes->png = files.read(sheet, kMaxImage);
  }
}

}  // namespace

RunRecord load_run(const fs::path& directory) {
  RunFiles files(directory);
  RunState state = read_run(files);
  RunRecord record;
  record.path = directory;
  take_facts(record, state.run);
  record.config_text = std::move(state.config_text);
  record.config = std::move(state.config);
  record.acquisition = record.config.get<std::string>("acquisition.name");
  record.seed = record.config.get<int64_t>("run.seed");
  record.name = record.config.get<std::string>("run.name");
  if (record.name.empty()) record.name = shown(fs::absolute(directory).lexically_normal().filename().string());
  if (record.name.empty()) record.name = directory.string();
  record.marker = marker_of(directory);
  record.rounds = std::move(state.rounds);
  record.labels = standing(state.entries).labels;
  record.ledger_head = state.entries.empty() ? "" : state.entries.back().hash;
  record.epochs = parse_metrics(files.read("metrics.jsonl"), directory / "metrics.jsonl");
  read_round_files(record, files);
  record.notes = files.notes();
  return record;
}

}  // namespace crc::apps
