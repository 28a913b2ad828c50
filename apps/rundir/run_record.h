// What a finished or running run left in its directory, read without taking its lock. Everything that reports draw.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/rundir/query_files.h"
#include "apps/rundir/run_dir.h"

namespace crc::apps {

// One evaluation, from metrics.jsonl (docs/run-directory.md names the fields); what was not recorded is NaN.
struct EpochMetrics {
  int64_t round = 0, epoch = 0;
  double test_acc = kNone, val_acc = kNone, test_loss = kNone, loss_x = kNone, loss_u = kNone;
  double mask_rate = kNone;                         // share of unlabelled images whose pseudo-label counted
  double pseudo_acc = kNone;                        // accuracy of those pseudo-labels
  double unclaimed = kNone;                         // share of unlabelled images that no class claims
  std::vector<double> precision = {}, recall = {};  // of pseudo-labels, by class
  std::vector<double> threshold =
      {};  // of confidence, by class or of all: what the method says, or its Gaussian's mean
};

struct RunRecord {
  fs::path path;
  std::string name;         // run.name, or the directory's
  std::string acquisition;  // acquisition.name
  int64_t seed = 0;
  Config config;
  std::string config_text;  // config.toml with its origins
  Marker marker = Marker::none;
  // From run.json: version, commit, compiler, device, host, created, determinism, libraries, ...
  std::vector<std::pair<std::string, std::string>> facts;
  std::string determinism;
  std::string data_hash;
  std::vector<std::string> class_names;
  std::vector<Label> labels;
  std::string ledger_head;
  std::vector<RoundRow> rounds;
  std::vector<EpochMetrics> epochs;
  std::map<int64_t, std::string> query_png;       // round -> rounds/NN/query.png
  std::map<int64_t, std::vector<int64_t>> asked;  // round -> the items of its query
  std::map<int64_t, ScoreHistogram> scores;       // round -> rounds/NN/scores.json
  std::optional<RoundMistakes> mistakes;          // of the last finished round that says them
  std::vector<std::string> notes;                 // damage that changed nothing
};

// Errors as read_run; 65 too if another file that is read is not what the run wrote.
RunRecord load_run(const fs::path& directory);

}  // namespace crc::apps
