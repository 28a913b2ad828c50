#include "apps/session/answers.h"

#include <fmt/format.h>

#include "apps/train/experiment.h"
#include "data/text.h"

namespace crc::apps {
namespace {

constexpr size_t kShown = 10;  // items in a message

using Classes = std::map<int64_t, int64_t>;
using Note = std::function<void(const std::string&)>;

void say(const Note& note, const std::vector<std::string>& items, const std::string& what) {
  if (!items.empty()) note(fmt::format("{} {}: {}", items.size(), what, data::join_first(items, kShown)));
}

// What is said about items that were not asked for.
void note_others(const Note& note, const Classes& classes, WaitingRun& run, const std::string& origin) {
  const std::vector<std::string>& names = run.dataset.class_names;
  Classes others = classes, known;
  for (const int64_t item : run.query.items) others.erase(item);
  for (const Label& label : run.directory.ledger().labels()) known[label.item] = label.class_index;
  std::vector<std::string> unasked, contradicted;
  for (const auto& [item, class_index] : others) {
    unasked.push_back(std::to_string(item));
    if (const auto at = known.find(item); at != known.end() && at->second != class_index)
      contradicted.push_back(fmt::format("{} ({} in the ledger, {} in {})", item,
                                         data::legible(names[size_t(at->second)]),
                                         data::legible(names[size_t(class_index)]), origin));
  }
  say(note, unasked, "labelled items were not asked for and are not recorded");
  say(note, contradicted, "of them have another class in the ledger, which stays");
}

struct Answers {
  std::vector<Answer> given;
  std::vector<std::string> missing;
};

// In the order in which resume asks for them.
Answers answer(const Note& note, const Classes& classes, const WaitingRun& run, const std::string& origin) {
  const data::Dataset& dataset = run.dataset;
  Answers answers;
  std::vector<std::string> own, overruled;
  for (const int64_t item : run.query.items) {
    const auto at = classes.find(item);
    const int64_t known = dataset.train.labels.at(size_t(item));
    if (at == classes.end() && known < 0) {
      answers.missing.push_back(std::to_string(item));
      continue;
    }
    const int64_t class_index = at != classes.end() ? at->second : known;
    if (at == classes.end()) own.push_back(std::to_string(item));
    if (known >= 0 && class_index != known)
      overruled.push_back(fmt::format("{} ({} there)", item, data::legible(dataset.class_names[size_t(known)])));
    answers.given.push_back({item, class_index});
  }
  say(note, own, fmt::format("items are not in {} and have the label of the data set", origin));
  say(note, overruled, fmt::format("items have another class in the data set; {} counts", origin));
  return answers;
}

}  // namespace

WaitingRun open_waiting(const fs::path& path, const std::vector<std::string>& settings) {
  if (marker_of(path) != Marker::waiting) {
    read_run_json(path);  // "not a run" comes first
    fail(ExitCode::usage, fmt::format("{} does not wait for labels; go on with: {}", path.string(),
                                      command_line("resume " + path.string(), settings)));
  }
  RunDir directory = RunDir::open(path, settings);
  data::Dataset dataset = load_dataset(directory.config());
  check_data(dataset, directory.facts());
  if (directory.files().queries().empty())
    fail(ExitCode::waiting_for_labels,
         fmt::format("{} was asked by an earlier version of this program, which did not record the items; ask again "
                     "with: {}; then label",
                     path.string(), command_line("resume " + path.string(), settings)));
  Query query = directory.files().queries().back();
  return {std::move(directory), std::move(dataset), std::move(query)};
}

std::vector<Answer> record_answers(WaitingRun& run, const Classes& classes, const AnswerSource& source,
                                   const Note& note) {
  note_others(note, classes, run, source.word);
  Answers answers = answer(note, classes, run, source.word);
  if (!answers.missing.empty())
    fail(ExitCode::waiting_for_labels,
         fmt::format("{} of {} queried items have no label in {}: {}; label them all, nothing was recorded",
                     answers.missing.size(), run.query.items.size(), source.name,
                     data::join_first(answers.missing, kShown)));
  run.directory.record(run.query.round, source.ledger, answers.given);
  return std::move(answers.given);
}

void mark_labelled(WaitingRun& run) { run.directory.mark(Marker::preempted, "labelled"); }

}  // namespace crc::apps
