// crc_train label
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/label_file.h"
#include "apps/run_dir.h"
#include "apps/terminal.h"

namespace crc::apps {
namespace {

// The query that waits: the last finished round's, or the one before all training.
struct Waiting {
  fs::path file;
  int64_t round;  // that the labels are for
};

Waiting waiting_query(const RunDir& directory) {
  const std::vector<RoundRow> rows = directory.read_rounds();
  if (rows.empty()) return {directory.path() / "rounds" / "first" / "query.csv", 0};
  const int64_t asked = rows.back().round;
  return {round_folder(directory.path(), asked) / "query.csv", asked + 1};
}

}  // namespace

int command_label(const std::string& path, const std::string& labels) {
  const std::string text = read_file(labels);
  if (marker_of(path) != Marker::waiting) {
    read_run_json(path);  // "not a run" comes first
    fail(ExitCode::usage, fmt::format("{} does not wait for labels; go on with: crc_train resume {}", path, path));
  }
  RunDir directory = RunDir::open(path);
  directory.mark(Marker::waiting, "for labels");  // until they are in the ledger
  const data::Dataset dataset = load_dataset(directory.config());
  check_fingerprint(dataset, directory.facts().data_hash);
  const Waiting waiting = waiting_query(directory);
  const std::map<int64_t, int64_t> given = read_label_file(text, labels, dataset.class_names);

  std::vector<Answer> answers;
  std::vector<std::string> missing;
  for (int64_t item : read_query_items(read_file(waiting.file), waiting.file.string())) {
    const auto at = given.find(item);
    const int64_t klass = at != given.end() ? at->second : dataset.train.labels.at(size_t(item));
    klass < 0 ? missing.push_back(std::to_string(item)) : answers.push_back({item, klass});
  }
  if (!missing.empty()) {
    const size_t queried = missing.size() + answers.size(), unanswered = missing.size();
    constexpr size_t kShown = 10;
    if (unanswered > kShown) missing.resize(kShown);
    fail(ExitCode::waiting_for_labels,
         fmt::format("{} of {} queried items have no label in {}: {}{}; label them all, nothing was recorded",
                     unanswered, queried, labels, data::join(missing), unanswered > kShown ? ", ..." : ""));
  }
  directory.ledger().record(waiting.round, "file:" + fs::path(labels).filename().string(), answers);
  directory.mark(Marker::preempted, "labelled");
  print("{} labels recorded, {} in the ledger; go on with: crc_train resume {}\n", answers.size(),
        directory.ledger().size(), path);
  return 0;
}

}  // namespace crc::apps
