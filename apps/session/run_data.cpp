#include "apps/session/run_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apps/train/experiment.h"
#include "data/text.h"

namespace crc::apps {
namespace {

std::string list_name(int64_t number) { return fmt::format("pool/{:03}.csv", number); }

// Those whose items a person can add to.
bool has_list(const Config& config) {
  const auto& name = config.get<std::string>("data.name");
  return name == "folder" || name == "arrays" || name == "embeddings";
}

// Why such a pool cannot grow; empty: it can.
std::string why_fixed(const Config& config, const std::string& run_json_lacks) {
  if (!run_json_lacks.empty()) return run_json_lacks;
  if (config.get<int64_t>("data.limit_train") > 0) return "data.limit_train takes the first images alone";
  if (config.get<double>("data.label_noise") > 0) return "data.label_noise is of an annotator who knows all labels";
  if (config.get<double>("data.imbalance") > 0) return "data.imbalance draws from all images";
  if (!config.get<std::string>("data.embeddings").empty()) return "data.embeddings has a row for each image in order";
  return "";
}

void check_fingerprint(const data::Dataset& dataset, const std::string& fingerprint) {
  if (dataset.fingerprint == fingerprint) return;
  fail(ExitCode::corrupt_data,
       fmt::format("the data set is not the one this run began with (fingerprint {}, then {}); restore the files, or "
                   "start a new run",
                   dataset.fingerprint, fingerprint));
}

// Other classes would give the ledger's numbers another meaning.
void check_classes(const data::Dataset& dataset, const RunFacts& facts) {
  if (dataset.class_names != facts.class_names)
    fail(ExitCode::corrupt_data,
         fmt::format("the classes are {}, and were {} when this run began; restore the file with their names",
                     data::join_first(data::legible(dataset.class_names), 20),
                     data::join_first(data::legible(facts.class_names), 20)));
}

void check_folder(const fs::path& run, const Config& config) {
  const fs::path dir = config.get<std::string>("data.dir");
  if (dir.empty() || data::is_folder(dir)) return;
  fail(ExitCode::input_missing,
       fmt::format(
           "{}, where this run's data lay, is no folder; if it has moved, say where it is: --set data.dir=DIR, as "
           "in: crc_train resume {} --set data.dir=DIR",
           dir.string(), run.string()));
}

data::ItemList read_list(RunFiles& files, int64_t number) {
  const std::string name = list_name(number);
  return data::ItemList::parse(files.read(name), (files.path() / name).string());
}

void check_fixed(const data::PoolGrowth& growth, const Config& config, const data::ItemList& list,
                 const std::string& run_json_lacks) {
  const std::string why = why_fixed(config, run_json_lacks);
  if (growth.empty() || why.empty()) return;
  const std::string file =
      growth.added.count > 0
          ? (growth.added.names.empty() ? "a new item" : data::legible(growth.added.names[0])) + " was added"
          : data::legible(list.train[size_t(growth.relabelled[0].item)].file) + " has another label";
  fail(ExitCode::corrupt_data,
       fmt::format("{} since this run began, and its data cannot change: {}; undo it, or start a new run", file, why));
}

// What the data set's own labels say now, in the order in which the ledger takes it. A label that is new enters it
// where people are asked at all: a data set that knew every label is an oracle, and says one when it is asked.
std::vector<Answer> said_by(const data::ItemList& before, const data::ItemList& after, const Ledger& ledger,
                            const std::vector<std::string>& class_names) {
  const bool asks = std::ranges::any_of(before.train, [](const data::PoolItem& item) { return item.label.empty(); });
  std::vector<Answer> answers;
  for (size_t k = 0; k < after.train.size(); ++k) {
    const std::string was = k < before.train.size() ? before.train[k].label : "", &now = after.train[k].label;
    if (was == now) continue;
    const int64_t item = int64_t(k);
    const bool known = ledger.contains(item);
    if (now.empty() ? known : was.empty() ? asks : known)
      answers.push_back({item, now.empty() ? -1 : std::ranges::find(class_names, now) - class_names.begin()});
  }
  return answers;
}

void check_labels_left(const Ledger& ledger, const std::vector<Answer>& answers) {
  std::set<int64_t> labelled;
  for (const Label& label : ledger.labels()) labelled.insert(label.item);
  for (const Answer& answer : answers)
    if (answer.class_index < 0)
      labelled.erase(answer.item);
    else
      labelled.insert(answer.item);
  if (labelled.empty())
    fail(ExitCode::corrupt_data,
         "the data set's labels take back every label that this run has, and nothing could be trained; restore some");
}

// A growth of which the ledger's last lines are missing.
void complete_growth(RunDir& run, const data::ItemList& list) {
  const Entry* last = last_growth(run.ledger().entries());
  if (!last) return;
  for (const Entry& entry : run.ledger().entries().subspan(size_t(last->seq)))
    if (entry.source != Ledger::kDataSet) return;  // what came later came after all of it
  const data::ItemList before = read_list(run.files(), growths(run.ledger().entries()) - 1);
  const Entry entry = *last;
  run.grow(entry.round, entry.items, entry.word, said_by(before, list, run.ledger(), run.facts().class_names));
}

std::string words_for(const data::PoolGrowth& growth, int64_t given, int64_t taken, int64_t changed) {
  std::string words;
  const auto add = [&](const std::string& part) { words += (words.empty() ? "" : ", ") + part; };
  if (growth.added.count > 0) add(data::counted(growth.added.count, "new item", "new items"));
  if (given > 0) add(data::counted(given, "label", "labels") + " given");
  if (changed > 0) add(data::counted(changed, "label", "labels") + " corrected");
  if (taken > 0) add(data::counted(taken, "label", "labels") + " withdrawn");
  return words.empty() ? "labels that nobody was asked for" : words;
}

// Rows by which a run that began with `items` scales its embeddings: those, unless the configuration took them out of
// more, which is after scaling; then all (0).
int64_t scaled_rows(const Config& config, int64_t items) {
  const int64_t limit = config.get<int64_t>("data.limit_train");
  const bool cut = (limit > 0 && items >= limit) || config.get<double>("data.imbalance") > 0;
  return cut ? 0 : items;
}

}  // namespace

RunData load_run_data(const fs::path& run, RunFiles& files, const Config& config, const RunFacts& facts,
                      std::span<const Entry> entries) {
  check_folder(run, config);
  const int64_t grown = growths(entries);
  RunData data;
  if (!files.has(list_name(grown))) {
    if (grown > 0) (void)files.read(list_name(grown));  // says that it is gone
    data.dataset = load_dataset(config);
    check_fingerprint(data.dataset, facts.data_hash);
    check_classes(data.dataset, facts);
    return data;
  }
  data.list = read_list(files, grown);
  if (const Entry* last = last_growth(entries); last && checksum(files.read(list_name(grown))) != last->word)
    fail(ExitCode::corrupt_data, fmt::format("{} is not the list that labels.jsonl names; restore it from a copy",
                                             (run / list_name(grown)).string()));
  data.dataset =
      load_whole_dataset(config, scaled_rows(config, facts.limits.items + int64_t(data.list.validation.size())));
  check_classes(data.dataset, facts);
  data.growth = data::align(data.dataset, data.list, config.get<std::string>("data.dir"));
  check_fixed(data.growth, config, data.list,
              facts.normalized ? "" : "it began with an earlier version, which did not record how it sees images");
  data.dataset.fingerprint = grown == 0 ? facts.data_hash : last_growth(entries)->word;
  return data;
}

RunData load_run_data(RunDir& run) {
  RunData data = load_run_data(run.path(), run.files(), run.config(), run.facts(), run.ledger().entries());
  if (data.list.train.empty())
    keep_first_list(run, data.dataset);
  else
    complete_growth(run, data.list);
  return data;
}

void keep_first_list(RunDir& run, const data::Dataset& dataset) {
  if (has_list(run.config()) && run.files().has_manifest())
    run.files().commit({{list_name(0), data::item_list(dataset).csv()}});
}

std::string take_growth(RunDir& run, RunData& data, int64_t round) {
  const data::PoolGrowth growth = std::exchange(data.growth, {});
  data::grow(data.dataset, growth);
  data::ItemList list = data::item_list(data.dataset);
  list.validation = data.list.validation, list.test = data.list.test;
  const std::vector<Answer> answers = said_by(data.list, list, run.ledger(), run.facts().class_names);
  check_labels_left(run.ledger(), answers);
  const std::string csv = list.csv(), sum = checksum(csv);
  int64_t given = 0, taken = 0;
  for (const Answer& answer : answers) taken += answer.class_index < 0, given += !run.ledger().contains(answer.item);
  run.files().commit({{list_name(growths(run.ledger().entries()) + 1), csv}});
  run.grow(round, int64_t(list.train.size()), sum, answers);
  data.list = std::move(list);
  data.dataset.fingerprint = sum;
  return fmt::format("from round {} on the pool has {}: {}", round,
                     data::counted(data.dataset.train.count, "item", "items"),
                     words_for(growth, given, taken, int64_t(answers.size()) - given - taken));
}

}  // namespace crc::apps
