// What stands between arrays and picks: the checks of crc/select.h's problem, weights and quotas of classes or clusters,
// what picks represent, what more labels bring. crc_select and crc/select.h choose through it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crc/acquisition.h"
#include "crc/arrays.h"
#include "crc/represents.h"
#include "crc/sharded_rows.h"
#include "kernels/core/ranks.h"

namespace crc::select {

struct QueryOptions {
  Config config;                       // what `problem.candidates` and the quotas decide is filled in
  int64_t quota = 0, per_cluster = 0;  // clusters whose picks have a quota, 0: predicted classes; most picks of each
  bool represents = false;
  bool candidates = false, class_weights = false;  // take() will bring some
  bool command_line = false;                       // errors name options as crc_select spells them
  // Several processes choose together, each over the rows from cut to cut; [ranks+1], empty: equal parts.
  Ranks* ranks = nullptr;
  std::vector<int64_t> cuts = {};
  int64_t block_bytes = int64_t(16) << 20;  // of rows that are read, or pass by, at a time
  int64_t copy_bytes = 0;                   // beyond which rows are not copied; 0: as much as is worth it
};

// What a selection found, and what was asked about it.
struct Chosen {
  Config config;  // with quotas
  Selection selection;
  Represented represented;  // empty: not asked for
  std::string outlook;
};

class Query {
 public:
  // What can be refused before there is a device or a number is read. Errors: usage, config, corrupt_data.
  Query(const crc_active::Problem& arrays, QueryOptions options);
  int64_t items() const { return items_; }
  const RowArrays& features() const { return features_; }
  const RowArrays& logits() const { return logits_; }

  // The lists and weights of `problem`, which must outlive this; what its arrays are was decided. Candidates are groups
  // of `group_size`; 0: as the configuration says. Errors: config, corrupt_data, out_of_memory.
  void take(const crc_active::Problem& problem, int64_t group_size = 0);
  void keep_passes(Checkpoint& checkpoint) { options_.config.checkpoint = &checkpoint; }
  void load(Context& context);             // reads the arrays. Errors: those of RowArrays::load and load_floats
  std::vector<std::string> notes() const;  // options that the acquisition or the search does not look at
  Chosen choose(Context& context) const;

  const Config& config() const { return options_.config; }
  int64_t classes() const { return classes_; }
  int64_t labeled() const { return int64_t(labeled_.size()); }
  int64_t unlabeled() const { return int64_t(unlabeled_.size()); }

 private:
  std::string option(const char* name) const;
  void check_options(const crc_active::Problem& arrays) const;
  void check_shapes() const;
  void check_given(const crc_active::Problem& problem) const;
  void take_lists(const crc_active::Problem& problem);
  void take_candidates(const crc_active::Problem& problem, int64_t group_size);
  void load_model(Context& context);
  void share_rows(Context& context);
  bool copies_fit(Context& context) const;
  int64_t bytes_per_item() const;
  bool together() const { return options_.ranks && options_.ranks->size() > 1; }
  std::vector<double> diversify(Context& context, const Problem& problem, Config& config) const;

  QueryOptions options_;
  Ranks alone_;
  RowArrays features_, logits_;
  Array samples_, head_, bias_;
  int64_t items_ = 0, classes_ = 1, asked_classes_ = 0;
  std::vector<int64_t> labeled_, unlabeled_;  // ascending
  std::vector<int32_t> labels_;               // of labeled_
  std::span<const double> weights_, class_weights_;
  bool any_candidates_ = false;
  Search asked_search_ = Search::partition;
  std::vector<Tensor> converted_;
  View<const float, 3> sample_view_;
  Head head_view_;
  std::optional<Shards> shards_;
};

// Items in ascending order; error config where one is listed twice or is none of 0..items-1.
std::vector<int64_t> checked_items(std::span<const int64_t> list, int64_t items, const char* name);

}  // namespace crc::select
