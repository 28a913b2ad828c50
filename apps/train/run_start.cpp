#include "apps/train/run_start.h"

#include <fmt/format.h>

#include "apps/base/json.h"
#include "apps/config/choices.h"
#include "apps/rundir/run_state.h"
#include "apps/train/experiment.h"
#include "apps/train/weights_file.h"
#include "data/text.h"
#include "kernels/core/error.h"
#include "nn/weights_io.h"

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

// Item numbers count the training images, so both runs must have the same ones.
void check_items(const Config& config, const Config& theirs, const fs::path& run) {
  const bool split = config.get<int64_t>("data.validation_size") > 0;
  std::string differ;
  const auto compare = [&](const char* key, const auto& here, const auto& there) {
    if (here != there) differ += fmt::format("{}{} = {} (there {})", differ.empty() ? "" : ", ", key, here, there);
  };
  for (const char* key : {"data.limit_train", "data.validation_size", "data.split_seed"})
    if (split || std::string_view(key) != "data.split_seed")
      compare(key, config.get<int64_t>(key), theirs.get<int64_t>(key));
  if (split)
    compare("data.validation", config.get<std::string>("data.validation"), theirs.get<std::string>("data.validation"));
  if (!differ.empty())
    fail(ExitCode::config,
         fmt::format("start.run = \"{}\" has other training images: {}; set these keys as they are there", run.string(),
                     differ));
}

// One of the round's files, which must be of that run, as that run must be of the network that `config` describes.
void check_weights(const std::string& bytes, const std::string& source, const nn::WeightsInfo& theirs,
                   const Config& config, const data::Dataset& dataset) {
  WeightsFile file = decode_weights(bytes, source);
  check_fits(file, theirs, ExitCode::corrupt_data, kNotOfThisRun);
  file.info = theirs;  // all of it: files of earlier versions say nothing
  check_fits(file, weights_info(config, dataset), ExitCode::config,
             "set the same here, or take the labels alone: start.use = \"labels\"");
  (void)nn::read_weights(make_net(config, dataset)->layout(), file.tensors, source);
}

}  // namespace

data::Dataset load_run_dataset(const Config& config) {
  data::Dataset dataset = load_dataset(config);
  const std::string run = config.get<std::string>("start.run");
  if (!run.empty() && config.choice<StartUse>("start.use") == StartUse::model)
    dataset.normalize = run_normalization(read_run_json(run), dataset);
  return dataset;
}

std::optional<RunStart> load_start(const Config& config, const data::Dataset& dataset) {
  const fs::path run = config.get<std::string>("start.run");
  if (run.empty()) return std::nullopt;
  RunFiles files(run);
  const RunState state = read_run(files);
  if (last_growth(state.entries))
    fail(ExitCode::config,
         fmt::format("start.run = \"{}\" is a run whose pool has grown, and its items have other numbers here; go on "
                     "with it (crc_train resume {}), or begin anew",
                     run.string(), run.string()));
  if (state.facts.data_hash != dataset.fingerprint)
    fail(ExitCode::corrupt_data, fmt::format("start.run = \"{}\" was made with other data (fingerprint {}, here {})",
                                             run.string(), state.facts.data_hash, dataset.fingerprint));
  check_items(config, state.config, run);
  RunStart start;
  start.row = row_of(state.rounds, run, config.get<int64_t>("start.round"));
  const int64_t round = start.row.round;
  for (const Label& label : standing(state.entries, round).labels)
    start.labels.push_back({label.item, label.class_index});
  start.with_model = config.choice<StartUse>("start.use") == StartUse::model;
  if (!start.with_model) return start;
  start.metrics = metrics_of(files.read("metrics.jsonl"), run / "metrics.jsonl", round);
  const nn::WeightsInfo theirs = weights_info(state.config, dataset);
  const auto read = [&](nn::Epoch epoch) {
    const std::string name = weights_name(round, epoch);
    std::string bytes = files.read(name);
    check_weights(bytes, (run / name).string(), theirs, config, dataset);
    return bytes;
  };
  start.weights = read(nn::Epoch::last);
  start.best = read(nn::Epoch::best);
  start.row.round = 0;
  start.row.query_s = start.row.lambda_min = kNone;  // of the other run's query, not of this one's
  start.row.train_s = 0;                             // paid there
  return start;
}

std::map<std::string, std::string> RunStart::sums() const {
  std::string answers;
  for (const Answer& answer : labels) answers += fmt::format("{},{}\n", answer.item, answer.class_index);
  std::map<std::string, std::string> sums{{"labels", checksum(answers)}};
  if (!with_model) return sums;
  std::string evaluations;
  for (const json& record : metrics) evaluations += json_text(record) + "\n";
  sums["metrics"] = checksum(evaluations);
  sums["rounds.csv"] = checksum(rounds_to_csv({row}));
  sums["weights.safetensors"] = checksum(weights);
  sums["best.safetensors"] = checksum(best);
  return sums;
}

void check_start(const RunStart& start, const Config& config, const std::map<std::string, std::string>& began_with) {
  std::vector<std::string> other;
  if (began_with.empty()) return;  // of an earlier version
  for (const auto& [name, sum] : start.sums())
    if (const auto then = began_with.find(name); then == began_with.end() || then->second != sum) other.push_back(name);
  if (!other.empty())
    fail(ExitCode::corrupt_data,
         fmt::format("start.run = \"{}\" is not what it was when this run began: other {}; restore it, or start a new "
                     "run",
                     config.get<std::string>("start.run"), data::join(other)));
}

}  // namespace crc::apps
