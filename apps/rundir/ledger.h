// The ledger: labels.jsonl, one line per label that training ever used, append-only and hash-chained. The number of
// labels on every plot's axis is counted here and nowhere else, so a restart cannot change the budget unseen.
//
//   {"seq":0,"item":4711,"class":3,"round":0,"source":"initial","prev":"<32 hex>","hash":"<32 hex>"}
//
// seq counts from 0. item is the index in the training set. round r labels are used from round r on; round 0 is the
// initial pool. source is who gave the label ("initial", "oracle", "file:labels.csv"). prev is the hash of the line
// before (zeros first); hash is the XXH3-128 of the line's bytes before `,"hash"`.
//
// On load everything is checked: the chain, byte for byte; no item twice; rounds never decrease; ranges. A last line
// without its newline was torn by a crash, its label never used: it is dropped and counted. Anything else is Error 65,
// naming the line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

struct Label {
  int64_t seq = 0;
  int64_t item = 0;
  int64_t class_index = 0;
  int64_t round = 0;
  std::string source;
  std::string hash;  // of the line; the chain's head after this label
  bool operator==(const Label&) const = default;
};

struct Answer {  // a label that is about to enter the ledger
  int64_t item, class_index;
};

struct LabelLimits {  // 0: not checked
  int64_t items = 0, classes = 0;
};

struct LedgerContent {
  std::vector<Label> labels;
  int64_t valid_bytes = 0;  // where the torn line starts, or the file's size
  int torn_lines = 0;       // 0 or 1
};

// Reads and verifies; changes nothing.
LedgerContent parse_ledger(std::string_view text, const fs::path& path, LabelLimits limits = {});
LedgerContent load_ledger(const fs::path& path, LabelLimits limits = {});

class Ledger {
 public:
  static Ledger create(const fs::path& path, LabelLimits limits);  // an empty ledger, on disk on return
  static Ledger open(const fs::path& path, LabelLimits limits);    // verifies, cuts a torn line off the file

  // Brings the ledger to hold exactly `answers` as the labels of `round`, durably. Those already there (of a run that
  // was killed in the middle) must be the first of them: otherwise this run would ask for other items than the killed
  // one did, and it is refused with Error 65. A round that is complete may be recorded again: nothing happens. Error
  // 73 if another process has written to the file: it would break the chain.
  void record(int64_t round, const std::string& source, std::span<const Answer> answers);

  std::span<const Label> labels() const { return labels_; }
  int64_t size() const { return int64_t(labels_.size()); }
  bool contains(int64_t item) const { return items_.contains(item); }
  const std::string& head() const { return head_; }
  int torn_lines() const { return torn_lines_; }

 private:
  Ledger(fs::path path, LabelLimits limits, LedgerContent content);
  size_t present(int64_t round, std::span<const Answer> answers) const;
  void check(Answer answer) const;
  fs::path path_;
  LabelLimits limits_;
  std::vector<Label> labels_;
  std::unordered_set<int64_t> items_;
  std::string head_;
  int torn_lines_;
  int64_t bytes_;
};

// Labels when `head` was the chain's head; -1: this ledger never had that head (it is another run's).
int64_t labels_at(std::span<const Label> labels, const std::string& head);

// Labels that training in `round` used: those of rounds 0..round.
int64_t labels_through(std::span<const Label> labels, int64_t round);

}  // namespace crc::apps
