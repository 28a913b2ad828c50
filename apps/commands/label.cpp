// crc_train label
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/label/label_file.h"
#include "apps/rundir/run_dir.h"
#include "apps/train/experiment.h"
#include "data/text.h"

namespace crc::apps {
namespace {

struct LabelOptions {
  std::string directory, labels;
  std::vector<std::string> settings;
};

constexpr size_t kShown = 10;  // items in a message

const Query& waiting_query(RunDir& directory) {
  if (directory.files().queries().empty())
    fail(ExitCode::waiting_for_labels,
         fmt::format("{0} was asked by an earlier version of this program, which did not record the items; ask again "
                     "with: crc_train resume {0}; then label",
                     directory.path().string()));
  return directory.files().queries().back();
}

std::string query_csv(const Query& query) { return query.folder + "/query.csv"; }

// Whether the answers stand in the query's own file.
bool is_query_csv(const RunDir& directory, const Query& query, const fs::path& labels) {
  std::error_code ignored;
  return fs::equivalent(directory.path() / query_csv(query), labels, ignored);
}

// query.csv is a copy for people: what they made of it changes nothing, but they should know.
void mention_changes(RunDir& directory, const Query& query, const fs::path& labels) {
  if (is_query_csv(directory, query, labels)) return;
  const std::string name = query_csv(query);
  if (const auto change = directory.files().damage(name))
    print_error("crc_train: {} {}; the run asks for the {} items that {} holds\n", (directory.path() / name).string(),
                *change, query.items.size(), RunFiles::kManifest);
}

// A query.csv that was filled in where it lies is from now on the run's own.
void accept_answers(RunDir& directory, const Query& query, const fs::path& labels) {
  if (!is_query_csv(directory, query, labels)) return;
  directory.files().list(query_csv(query), read_file(labels));
  directory.files().save();
}

// Lines for a person, each about the items that share one oddity.
class Notes {
 public:
  explicit Notes(std::vector<std::string> notes) : notes_(std::move(notes)) {}
  void add(const std::vector<std::string>& items, const std::string& what) {
    if (!items.empty()) notes_.push_back(fmt::format("{} {}: {}", items.size(), what, data::join_first(items, kShown)));
  }
  void print() const {
    for (const std::string& note : notes_) print_error("note: {}\n", note);
  }

 private:
  std::vector<std::string> notes_;
};

// What the file says about items that were not asked for.
void note_others(Notes& notes, const LabelFile& file, const std::vector<int64_t>& query, const Ledger& ledger,
                 const std::vector<std::string>& class_names) {
  std::map<int64_t, int64_t> others = file.classes, known;
  for (int64_t item : query) others.erase(item);
  for (const Label& label : ledger.labels()) known[label.item] = label.class_index;
  std::vector<std::string> unasked, contradicted;
  for (const auto& [item, class_index] : others) {
    unasked.push_back(std::to_string(item));
    if (const auto at = known.find(item); at != known.end() && at->second != class_index)
      contradicted.push_back(fmt::format("{} ({} in the ledger, {} in the file)", item,
                                         data::legible(class_names[size_t(at->second)]),
                                         data::legible(class_names[size_t(class_index)])));
  }
  notes.add(unasked, "labelled items were not asked for and are not recorded");
  notes.add(contradicted, "of them have another class in the ledger, which stays");
}

struct Answers {
  std::vector<Answer> given;
  std::vector<std::string> missing;
};

// In the order in which resume asks for them. Where the file is silent, the data set's own label counts, if it has one.
Answers answer(Notes& notes, const LabelFile& file, const std::vector<int64_t>& query, const data::Dataset& dataset) {
  Answers answers;
  std::vector<std::string> own, overruled;
  for (int64_t item : query) {
    const auto at = file.classes.find(item);
    const int64_t known = dataset.train.labels.at(size_t(item));
    if (at == file.classes.end() && known < 0) {
      answers.missing.push_back(std::to_string(item));
      continue;
    }
    const int64_t class_index = at != file.classes.end() ? at->second : known;
    if (at == file.classes.end()) own.push_back(std::to_string(item));
    if (known >= 0 && class_index != known)
      overruled.push_back(fmt::format("{} ({} there)", item, data::legible(dataset.class_names[size_t(known)])));
    answers.given.push_back({item, class_index});
  }
  notes.add(own, "items are not in the file and have the label of the data set");
  notes.add(overruled, "items have another class in the data set; the file counts");
  return answers;
}

// Of the classes that were recorded now.
void print_classes(const Ledger& ledger, const std::vector<Answer>& answers,
                   const std::vector<std::string>& class_names) {
  std::vector<int64_t> now(class_names.size()), all(class_names.size());
  for (const Answer& a : answers) ++now[size_t(a.class_index)];
  for (const Label& label : ledger.labels()) ++all[size_t(label.class_index)];
  for (size_t c = 0; c < class_names.size(); ++c)
    if (now[c] > 0) print("  {:<24} {:>6} now, {:>6} in the ledger\n", data::legible(class_names[c]), now[c], all[c]);
}

int command_label(const LabelOptions& options) {
  const auto& [path, labels, settings] = options;
  const std::string text = read_file(labels);
  if (marker_of(path) != Marker::waiting) {
    read_run_json(path);  // "not a run" comes first
    fail(ExitCode::usage, fmt::format("{} does not wait for labels; go on with: crc_train resume {}", path, path));
  }
  RunDir directory = RunDir::open(path, settings);
  const data::Dataset dataset = load_dataset(directory.config());
  check_data(dataset, directory.facts());
  const Query query = waiting_query(directory);
  mention_changes(directory, query, labels);
  const LabelFile file = read_label_file(text, labels, dataset.class_names, dataset.train.count, dataset.train.names);

  Notes notes(file.notes);
  note_others(notes, file, query.items, directory.ledger(), dataset.class_names);
  const Answers answers = answer(notes, file, query.items, dataset);
  notes.print();
  if (!answers.missing.empty())
    fail(ExitCode::waiting_for_labels,
         fmt::format("{} of {} queried items have no label in {}: {}; label them all, nothing was recorded",
                     answers.missing.size(), query.items.size(), labels, data::join_first(answers.missing, kShown)));
  directory.record(query.round, "file:" + fs::path(labels).filename().string(), answers.given);
  accept_answers(directory, query, labels);
  directory.mark(Marker::preempted, "labelled");
  print("{} labels recorded, {} in the ledger; go on with: crc_train resume {}\n", answers.given.size(),
        directory.ledger().size(), path);
  print_classes(directory.ledger(), answers.given, dataset.class_names);
  return 0;
}

}  // namespace

void declare_label(Command& program, CommandCall& call) {
  const auto o = std::make_shared<LabelOptions>();
  Command label = program.command("label", "give a run that waits the labels it asked for");
  label.option("directory", o->directory, "run directory").required();
  label.option("labels", o->labels, "CSV with columns item and class: its rounds/NN/query.csv and a column more")
      .required();
  add_settings(label, o->settings);
  label.run([o, &call] { call.code = command_label(*o); });
}

}  // namespace crc::apps
