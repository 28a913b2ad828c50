#include "apps/run_start.h"

#include <fmt/format.h>

#include "apps/experiment.h"
#include "apps/run_dir.h"
#include "apps/weights_file.h"
#include "kernels/core/error.h"
#include "nn/weights_io.h"

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
  for (size_t start = 0, end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    json object = json::parse(text.begin() + long(start), text.begin() + long(end), nullptr, false);
    if (!object.is_object() || object.value("round", int64_t(-1)) != round) continue;
    object.erase("seq");
    object["round"] = 0;
    found.push_back(std::move(object));
  }
  return found;
}

// One of the round's files, which must be of that run, as that run must be of the network that `config` describes.
std::string checked_weights(const fs::path& file, const nn::WeightsInfo& theirs, const Config& config,
                            const data::Dataset& dataset) {
  std::string bytes = read_file(file);
  WeightsFile weights = decode_weights(bytes, file.string());
  check_fits(weights, theirs, ExitCode::corrupt_data, "it is not a file of this run: restore it from a copy");
  weights.info = theirs;
  check_fits(weights, weights_info(config, dataset), ExitCode::config,
             "set the same here, or take the labels alone: start.use = \"labels\"");
  (void)nn::read_weights(make_net(config, dataset)->layout(), weights.tensors, file.string());
  return bytes;
}

}  // namespace

data::Dataset load_run_dataset(const Config& config) {
  data::Dataset dataset = load_dataset(config);
  const std::string run = config.get<std::string>("start.run");
  if (!run.empty() && config.get<std::string>("start.use") == "model")
    dataset.normalize = run_normalization(read_run_json(run), dataset);
  return dataset;
}

std::optional<RunStart> load_start(const Config& config, const data::Dataset& dataset) {
  const fs::path run = config.get<std::string>("start.run");
  if (run.empty()) return std::nullopt;
  const json facts = read_run_json(run);
  const std::string& fingerprint = dataset.fingerprint;
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
  Config theirs;
  theirs.merge_file(run / "config.toml");
  const nn::WeightsInfo info = weights_info(theirs, dataset);
  start.weights = checked_weights(folder / weights_name("last"), info, config, dataset);
  start.best = checked_weights(folder / weights_name("best"), info, config, dataset);
  start.row.round = 0;
  start.row.query_s = start.row.lambda_min = kNone;  // of the other run's query, not of this one's
  start.row.train_s = 0;                             // paid there
  return start;
}

}  // namespace crc::apps
