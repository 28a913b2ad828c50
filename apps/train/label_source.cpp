#include "apps/train/label_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/config/budgets.h"
#include "apps/config/choices.h"
#include "data/label_noise.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using Int = int64_t;
using Items = std::vector<Int>;

// What was skipped or taken back is not known, whatever the data set says.
std::vector<int32_t> as_said(std::vector<int32_t> labels, const Ledger& ledger, Int round) {
  for (const Entry& entry : ledger.entries())
    if (entry.event != LedgerEvent::grow && entry.round <= round)
      labels.at(size_t(entry.item)) = int32_t(entry.class_index);
  return labels;
}

std::vector<int32_t> annotated(const Config& config, const data::Dataset& dataset, data::Annotated which) {
  return data::with_label_noise((which == data::Annotated::train ? dataset.train : dataset.validation).labels,
                                dataset.classes(), config.get<double>("data.label_noise"),
                                uint32_t(config.get<Int>("data.split_seed")), which);
}

}  // namespace

std::vector<int32_t> validation_labels(const Config& config, const data::Dataset& dataset) {
  return annotated(config, dataset, data::Annotated::validation);
}

LabelSource::LabelSource(RunDir& directory, const data::Dataset& dataset)
    : directory_(directory),
      dataset_(dataset),
      answers_(
          as_said(annotated(directory.config(), dataset, data::Annotated::train), directory.ledger(), kLastRound)) {}

std::vector<int32_t> LabelSource::labels(Int round) const {
  return as_said(dataset_.train.labels, directory_.ledger(), round);
}

// The ledger says which answers were wrong, for whoever looks at it: training does not read that.
Answer LabelSource::answer(Int item) const {
  const int32_t said = answers_[size_t(item)], truth = dataset_.train.labels[size_t(item)];
  const bool wrong = directory_.config().get<double>("data.label_noise") > 0 && said != truth;
  return {.item = item, .class_index = said, .source = wrong ? "noise" : ""};
}

data::Pool LabelSource::pool(Int round) const {
  data::Pool pool(dataset_.train.count, dataset_.classes());
  const Standing now = standing(directory_.ledger().entries(), round);
  for (const Label& label : now.labels) pool.label(label.item, int32_t(label.class_index), int32_t(label.round));
  for (const Int item : now.skipped) pool.skip(item);
  return pool;
}

std::vector<Answer> LabelSource::first() const {
  const Config& config = directory_.config();
  const Int count = config.get<Int>("acquisition.initial");
  const FirstLabels how = config.choice<FirstLabels>("acquisition.first");
  Items items(size_t(dataset_.train.count));
  std::iota(items.begin(), items.end(), 0);
  if (how == FirstLabels::given)
    std::erase_if(items, [&](Int item) { return dataset_.train.labels[size_t(item)] < 0; });
  else if (how == FirstLabels::leading)
    items.resize(std::min(items.size(), size_t(count)));
  else if (const double ratio = config.get<double>("acquisition.initial_imbalance"); ratio > 0)
    items = data::draw_long_tailed(dataset_.train.labels, dataset_.classes(), count, ratio,
                                   uint32_t(config.get<Int>("run.seed")));
  else
    items = data::draw_initial(dataset_.train.labels, dataset_.classes(), count, uint32_t(config.get<Int>("run.seed")));
  std::vector<Answer> answers;
  for (Int item : items) answers.push_back(answer(item));
  return answers;
}

// Round 0 has as many as were asked for, with a class or without.
Int LabelSource::budget(Int round) const {
  const Int first = std::ranges::count_if(directory_.ledger().entries(), [](const Entry& entry) {
    return entry.round == 0 && (entry.event == LedgerEvent::label || entry.event == LedgerEvent::skip);
  });
  const Config& config = directory_.config();
  return labels_after(config, first, round + 1) - labels_after(config, first, round);
}

std::map<Int, Answer> LabelSource::known(const Query& query) const {
  std::map<Int, Answer> known;
  for (const Int item : query.items)
    if (answers_[size_t(item)] >= 0) known[item] = answer(item);
  // As it was answered, whatever was made of the answer since.
  for (const Entry& entry : directory_.ledger().entries())
    if (entry.round == query.round && (entry.event == LedgerEvent::label || entry.event == LedgerEvent::skip))
      known[entry.item] = {entry.item, entry.class_index, entry.word};
  return known;
}

bool LabelSource::lacks(const Query& query) const {
  const std::map<Int, Answer> answers = known(query);
  return std::ranges::any_of(query.items, [&](Int item) { return !answers.contains(item); });
}

std::vector<Answer> LabelSource::answers(const Query& query) const {
  const std::map<Int, Answer> all = known(query);
  std::vector<Answer> answers;
  Items unknown;
  for (Int item : query.items) {
    const auto at = all.find(item);
    if (at == all.end())
      unknown.push_back(item);
    else
      answers.push_back(at->second);
  }
  if (!unknown.empty()) wait(query, unknown);
  return answers;
}

void LabelSource::wait(const Query& query, const Items& unknown) const {
  const fs::path folder = directory_.path() / query.folder, csv = folder / "query.csv";
  const fs::path journal = folder / RunFiles::kAnswers;  // apps/label/journal.h
  Items open = unknown;
  if (fs::exists(journal)) {
    const Standing said = standing(load_ledger(journal).entries);
    std::erase_if(open, [&](Int item) {
      return std::ranges::count(said.labels, item, &Label::item) > 0 || std::ranges::count(said.skipped, item) > 0;
    });
  }
  if (open.empty()) open = unknown;
  const Int more = Int(open.size()) - 1;
  const std::string others = more == 0 ? ""
                                       : fmt::format(" (nor {} {} more of the {} asked)", more == 1 ? "has" : "have",
                                                     more, query.items.size());
  directory_.mark(Marker::waiting, "for the labels of " + csv.string());
  const std::string or_by_eye =
      dataset_.train.embedded() ? "" : fmt::format("open {} in a browser, or ", (folder / "label.html").string());
  fail(ExitCode::waiting_for_labels,
       fmt::format("item {0} has no label{1}; {2}add a column \"class\" to a copy of {3}, label its items, and run: "
                   "{4} && {5}",
                   open[0], others, or_by_eye, csv.string(),
                   command_line("label " + directory_.path().string() + " labels.csv", directory_.settings()),
                   directory_.resume_command()));
}

}  // namespace crc::apps
