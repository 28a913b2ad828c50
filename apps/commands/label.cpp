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

const Query& waiting_query(RunDir& directory) {
  if (directory.files().queries().empty())
    fail(ExitCode::waiting_for_labels,
         fmt::format("{0} was asked by an earlier version of this program, which did not record the items; ask again "
                     "with: crc_train resume {0}; then label",
                     directory.path().string()));
  return directory.files().queries().back();
}

// query.csv is a copy for people: what they made of it changes nothing, but they should know.
void mention_changes(RunDir& directory, const Query& query, const fs::path& labels) {
  const std::string name = query.folder + "/query.csv";
  std::error_code ignored;
  if (fs::equivalent(directory.path() / name, labels, ignored)) return;
  if (const auto change = directory.files().damage(name))
    print_error("crc_train: {} {}; the run asks for the {} items that {} holds\n", (directory.path() / name).string(),
                *change, query.items.size(), RunFiles::kManifest);
}

// A query.csv that was filled in where it lies is from now on the run's own.
void accept_answers(RunDir& directory, const Query& query, const fs::path& labels) {
  const std::string name = query.folder + "/query.csv";
  std::error_code ignored;
  if (!fs::equivalent(directory.path() / name, labels, ignored)) return;
  directory.files().list(name, read_file(labels));
  directory.files().save();
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
  const Query query = waiting_query(directory);
  mention_changes(directory, query, labels);
  const std::map<int64_t, int64_t> given = read_label_file(text, labels, dataset.class_names);

  std::vector<Answer> answers;
  std::vector<std::string> missing;
  for (int64_t item : query.items) {  // in the order in which resume asks for them
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
  directory.record(query.round, "file:" + fs::path(labels).filename().string(), answers);
  accept_answers(directory, query, labels);
  directory.mark(Marker::preempted, "labelled");
  print("{} labels recorded, {} in the ledger; go on with: crc_train resume {}\n", answers.size(),
        directory.ledger().size(), path);
  return 0;
}

}  // namespace crc::apps
