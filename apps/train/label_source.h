// Where labels come from: the data set, where it has them, and else the people who gave them in earlier rounds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/rundir/run_dir.h"
#include "data/dataset.h"
#include "data/pool.h"

namespace crc::apps {

class LabelSource {
 public:
  LabelSource(RunDir& directory, const data::Dataset& dataset);

  const std::vector<int32_t>& labels() const { return labels_; }  // [N] of the training images, -1: nobody gave one yet

  // The labels that training in `round` uses: those of the ledger, which the oracle's or a person's answers entered.
  data::Pool pool(int64_t round) const;

  // Those of round 0, where acquisition.first needs no model to choose them.
  std::vector<Answer> first() const;

  bool lacks(std::span<const int64_t> items) const;  // nobody gave the label of one of them

  // Marks the run as waiting and throws (waiting_for_labels) where nobody gave the label of an item; `query_file` names
  // the items.
  std::vector<Answer> answers(std::span<const int64_t> items, const fs::path& query_file) const;

 private:
  RunDir& directory_;
  const data::Dataset& dataset_;
  std::vector<int32_t> labels_;
};

}  // namespace crc::apps
