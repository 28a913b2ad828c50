#include "apps/train/label_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/config/choices.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using Int = int64_t;
using Items = std::vector<Int>;

std::vector<int32_t> known_labels(const data::Images& images, const Ledger& ledger) {
  std::vector<int32_t> labels = images.labels;
  for (const Label& label : ledger.labels()) labels.at(size_t(label.item)) = int32_t(label.class_index);
  return labels;
}

}  // namespace

LabelSource::LabelSource(RunDir& directory, const data::Dataset& dataset)
    : directory_(directory), dataset_(dataset), labels_(known_labels(dataset.train, directory.ledger())) {}

data::Pool LabelSource::pool(Int round) const {
  data::Pool pool(dataset_.train.count, dataset_.classes());
  for (const Label& label : directory_.ledger().labels())
    if (label.round <= round) pool.label(label.item, int32_t(label.class_index), int32_t(label.round));
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
    items = data::draw_long_tailed(labels_, dataset_.classes(), count, ratio, uint32_t(config.get<Int>("run.seed")));
  else
    items = data::draw_initial(labels_, dataset_.classes(), count, uint32_t(config.get<Int>("run.seed")));
  std::vector<Answer> answers;
  for (Int item : items) answers.push_back({item, labels_[size_t(item)]});
  return answers;
}

bool LabelSource::lacks(std::span<const Int> items) const {
  return std::ranges::any_of(items, [&](Int item) { return labels_[size_t(item)] < 0; });
}

std::vector<Answer> LabelSource::answers(std::span<const Int> items, const fs::path& query_file) const {
  std::vector<Answer> answers;
  for (Int item : items) {
    if (labels_[size_t(item)] < 0) {
      directory_.mark(Marker::waiting, "for the labels of " + query_file.string());
      const fs::path page = query_file.parent_path() / "label.html";
      const std::string or_by_eye =
          dataset_.train.embedded() ? "" : fmt::format("open {} in a browser, or ", page.string());
      fail(ExitCode::waiting_for_labels,
           fmt::format("item {0} has no label; {1}add a column \"class\" to a copy of {2}, label its items, and run: "
                       "{3} && {4}",
                       item, or_by_eye, query_file.string(),
                       command_line("label " + directory_.path().string() + " labels.csv", directory_.settings()),
                       directory_.resume_command()));
    }
    answers.push_back({item, labels_[size_t(item)]});
  }
  return answers;
}

}  // namespace crc::apps
