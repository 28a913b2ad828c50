#include "apps/run_start.h"

#include <fmt/format.h>

#include "apps/parse_json.h"
#include "apps/run_state.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

RoundRow row_of(const std::vector<RoundRow>& rows, const fs::path& run, int64_t round) {
  if (rows.empty() || round > rows.back().round)
    fail(ExitCode::config,
         fmt::format("start.run = \"{}\" has finished {} rounds, start.round asks for round {}; finish it first with: "
                     "crc_train resume {}",
                     run.string(), rows.size(), std::max<int64_t>(round, 0), run.string()));
  return round < 0 ? rows.back() : rows.at(size_t(round));
}

std::vector<json> metrics_of(const std::string& text, const fs::path& path, int64_t round) {
  std::vector<json> found;
  for (size_t start = 0, end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    json object = read_json(std::string_view(text).substr(start, end - start)).value_or(json());
    if (!object.is_object() || (object.contains("round") && !object["round"].is_number_integer()))
      fail(ExitCode::corrupt_data,
           fmt::format("{}: a line is no record of an evaluation; restore the file", path.string()));
    if (object.value("round", int64_t(-1)) != round) continue;
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
  RunFiles files(run);
  const RunState state = read_run(files);
  if (state.facts.data_hash != fingerprint)
    fail(ExitCode::corrupt_data, fmt::format("start.run = \"{}\" was made with other data (fingerprint {}, here {})",
                                             run.string(), state.facts.data_hash, fingerprint));
  RunStart start;
  start.row = row_of(state.rounds, run, config.get<int64_t>("start.round"));
  const int64_t round = start.row.round;
  for (const Label& label : state.labels)
    if (label.round <= round) start.labels.push_back({label.item, label.klass});
  start.with_model = config.get<std::string>("start.use") == "model";
  if (!start.with_model) return start;
  start.metrics = metrics_of(files.read("metrics.jsonl"), run / "metrics.jsonl", round);
  start.weights = files.read(round_name(round, "weights.safetensors"));
  start.best = files.read(round_name(round, "best.safetensors"));
  start.row.round = 0;
  start.row.query_s = start.row.lambda_min = kNone;  // of the other run's query, not of this one's
  start.row.train_s = 0;                             // paid there
  return start;
}

}  // namespace crc::apps
