#include "apps/run_start.h"

#include <fmt/format.h>

#include "apps/parse_json.h"
#include "apps/run_dir.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

RoundRow row_of(const fs::path& run, int64_t round) {
  const fs::path file = run / "rounds.csv";
  const std::vector<RoundRow> rows =
      fs::exists(file) ? rounds_from_csv(read_file(file), file.string()) : std::vector<RoundRow>();
  if (rows.empty() || round > rows.back().round)
    fail(ExitCode::config,
         fmt::format("start.run = \"{}\" has finished {} rounds, start.round asks for round {}; finish it first with: "
                     "crc_train resume {}",
                     run.string(), rows.size(), std::max<int64_t>(round, 0), run.string()));
  for (const RoundRow& row : rows)
    if (row.round == round || (round < 0 && row.round == rows.back().round)) return row;
  fail(ExitCode::corrupt_data, fmt::format("{} has no row of round {}; restore the file", file.string(), round));
}

std::vector<json> metrics_of(const fs::path& run, int64_t round) {
  std::vector<json> found;
  const std::string text = read_file(run / "metrics.jsonl");
  int64_t line = 0;
  for (size_t start = 0, end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    const std::string name = fmt::format("{}:{}", (run / "metrics.jsonl").string(), ++line);
    json object = parse_json(std::string_view(text).substr(start, end - start), name);
    if (!object.is_object() || object.value("round", json()) != round) continue;
    object.erase("seq");
    object["round"] = 0;
    found.push_back(std::move(object));
  }
  return found;
}

}  // namespace

std::optional<RunStart> load_start(const Config& config, const std::string& fingerprint) {
  const fs::path run = config.get<std::string>("start.run");
  if (run.empty()) return std::nullopt;
  const json facts = read_run_json(run);
  if (facts.value("data_hash", "") != fingerprint)
    fail(ExitCode::corrupt_data, fmt::format("start.run = \"{}\" was made with other data (fingerprint {}, here {})",
                                             run.string(), facts.value("data_hash", ""), fingerprint));
  RunStart start;
  start.row = row_of(run, config.get<int64_t>("start.round"));
  const int64_t round = start.row.round;
  for (const Label& label : load_ledger(run / "labels.jsonl").labels)
    if (label.round <= round) start.labels.push_back({label.item, label.klass});
  start.with_model = config.get<std::string>("start.use") == "model";
  if (!start.with_model) return start;
  start.metrics = metrics_of(run, round);
  const fs::path folder = round_folder(run, round);
  start.weights = read_file(folder / "weights.safetensors");
  start.best = read_file(folder / "best.safetensors");
  start.row.round = 0;
  start.row.query_s = start.row.lambda_min = kNone;  // of the other run's query, not of this one's
  start.row.train_s = 0;                             // paid there
  return start;
}

}  // namespace crc::apps
