// Where labels come from: the data set, where it has them, and else the people who gave them in earlier rounds.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "apps/rundir/run_dir.h"
#include "data/dataset.h"
#include "data/pool.h"

namespace crc::apps {

class LabelSource {
 public:
  LabelSource(RunDir& directory, const data::Dataset& dataset);

  // [N] of the training images: the data set's, true whatever data.label_noise is, but where somebody spoke of an item
  // up to `round` what was said; -1: nobody gave one yet.
  std::vector<int32_t> labels(int64_t round) const;

  // The labels that training in `round` uses: those of the ledger, which the oracle's or a person's answers entered.
  data::Pool pool(int64_t round) const;

  // Those of round 0, where acquisition.first needs no model to choose them.
  std::vector<Answer> first() const;

  int64_t budget(int64_t round) const;  // labels that the query after `round` asks for

  bool lacks(const Query& query) const;  // nobody said anything of one of its items

  // Of each of its items. Marks the run as waiting and throws (waiting_for_labels) where nobody said anything of one.
  std::vector<Answer> answers(const Query& query) const;

 private:
  Answer answer(int64_t item) const;
  std::map<int64_t, Answer> known(const Query& query) const;
  [[noreturn]] void wait(const Query& query, const std::vector<int64_t>& unknown) const;

  RunDir& directory_;
  const data::Dataset& dataset_;
  std::vector<int32_t> answers_;  // [N] what the annotator says: the data set's labels but for data.label_noise
};

// The held-out images' labels, as the annotator gave them.
std::vector<int32_t> validation_labels(const Config& config, const data::Dataset& dataset);

}  // namespace crc::apps
