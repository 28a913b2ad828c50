// The ledger: labels.jsonl, what people and data sets said about items, append-only and hash-chained. The number of labels
// on every plot's axis is counted here and nowhere else, so a restart cannot change the budget unseen.
//
//   {"seq":0,"item":4711,"class":3,"round":0,"source":"initial","prev":"<32 hex>","hash":"<32 hex>"}
//   {"seq":1,"event":"skip","item":5,"word":"unsure","round":1,"source":"file:labels.csv","who":"ann",
//    "when":"2026-01-31T12:34:56Z","prev":"...","hash":"..."}                                  (one line)
//
// seq counts from 0. item is the index in the training set. What round r says holds from round r on; round 0 is the
// initial pool. source is who gave it ("initial", "oracle", "file:labels.csv"); who and when stand where they are known.
//   {"seq":2,"event":"grow","items":320,"word":"<32 hex>","round":2,"source":"data set","prev":"...","hash":"..."}
//
// event: none is an answer with a class; "skip" one without (word: why), and the item is not asked again; "relabel" gives
// a labelled or skipped item another class; "withdraw" takes back what stands, and the item may be asked again. "grow" says that the pool has `items` items from then on, of the
// list with the XXH3-128 `word` (pool/NNN.csv), and "give" that an item has a label of the data set's since. prev is
// the hash of the line before (zeros first); hash is the XXH3-128 of the line's bytes before `,"hash"`.
//
// On load everything is checked: the chain, byte for byte; no item labelled twice; rounds never decrease; ranges. A last
// line without its newline was torn by a crash, never used: it is dropped and counted. Anything else is Error 65, naming
// the line.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/base/files.h"
#include "kernels/core/choice.h"

namespace crc::apps {

CRC_CHOICE(LedgerEvent, label, skip, relabel, withdraw, give, grow)

struct Entry {  // a line
  int64_t seq = 0;
  LedgerEvent event = LedgerEvent::label;
  int64_t item = 0;          // -1: of grow
  int64_t items = 0;         // of grow: how many there are
  int64_t class_index = -1;  // of label, relabel and give
  std::string word;          // of skip: why there is no class; of grow: the list's checksum
  int64_t round = 0;
  std::string source, who, when;
  std::string hash;  // the chain's head after this line
  bool operator==(const Entry&) const = default;
};

struct Label {  // that stands
  int64_t item = 0;
  int64_t class_index = 0;
  int64_t round = 0;  // since when the item has one
  bool operator==(const Label&) const = default;
};

struct Answer {  // what somebody says of an item, about to enter the ledger
  int64_t item = 0;
  int64_t class_index = -1;  // -1: no class
  std::string skip = {};     // why there is none; of neither class nor skip: what was said is taken back
  std::string who = {}, when = {}, source = {};
};

struct LabelLimits {  // 0: not checked
  int64_t items = 0, classes = 0;
};

struct LedgerContent {
  std::vector<Entry> entries;
  int64_t valid_bytes = 0;  // where the torn line starts, or the file's size
  int torn_lines = 0;       // 0 or 1
};

// Reads and verifies; changes nothing.
LedgerContent parse_ledger(std::string_view text, const fs::path& path, LabelLimits limits = {});
LedgerContent load_ledger(const fs::path& path, LabelLimits limits = {});

inline constexpr int64_t kLastRound = std::numeric_limits<int64_t>::max();

// What holds in a round.
struct Standing {
  std::vector<Label> labels;     // in the order in which they were given
  std::vector<int64_t> skipped;  // ascending: closed without a class
};
Standing standing(std::span<const Entry> entries, int64_t round = kLastRound);

class Ledger {
 public:
  static Ledger create(const fs::path& path, LabelLimits limits);  // an empty ledger, on disk on return
  static Ledger open(const fs::path& path, LabelLimits limits);    // verifies, cuts a torn line off the file

  // Brings the ledger to hold exactly `answers`, with a class or skipped, as those of `round`, durably. Those already
  // there (of a run that was killed in the middle) must be the first of them: otherwise this run would ask for other
  // items than the killed one did, and it is refused with Error 65. A round that is complete may be recorded again:
  // nothing happens. `source` is that of answers without one. Error 73 if another process has written to the file: it
  // would break the chain.
  void record(int64_t round, const std::string& source, std::span<const Answer> answers);

  // From `round` on each item is what its answer says, by the entries that this takes, durably: none where it is so
  // already. Returns how many entries were added. Error 73 as above.
  int64_t change(int64_t round, const std::string& source, std::span<const Answer> answers);

  // From `round` on the pool has `items` items, of the list with this checksum, and its data set says `answers` of them:
  // a class, or that there is none any more. Once more what a crash tore: only what is missing is added.
  static constexpr const char* kDataSet = "data set";  // the source of these entries
  void grow(int64_t round, int64_t items, const std::string& list, std::span<const Answer> answers);

  std::span<const Entry> entries() const { return entries_; }
  std::vector<Label> labels() const { return standing(entries_).labels; }
  int64_t size() const { return int64_t(entries_.size()); }  // lines
  LabelLimits limits() const { return limits_; }             // items: as many as there are by now
  // What stands of an item: its class, kSkipped, or nothing.
  static constexpr int64_t kSkipped = -1;
  std::optional<int64_t> state(int64_t item) const;
  bool contains(int64_t item) const { return states_.contains(item); }
  const std::string& head() const { return head_; }
  int torn_lines() const { return torn_lines_; }

 private:
  Ledger(fs::path path, LabelLimits limits, LedgerContent content);
  size_t present(int64_t round, std::span<const Answer> answers) const;
  void check(const Answer& answer) const;
  void add(LedgerEvent event, int64_t round, const std::string& source, const Answer& answer, std::string& lines);
  void append(Entry entry, std::string& lines);
  void publish(Ledger next, const std::string& lines);
  std::string word(int64_t item) const;  // with which it was skipped
  fs::path path_;
  LabelLimits limits_;
  std::vector<Entry> entries_;
  std::unordered_map<int64_t, int64_t> states_;
  std::string head_;
  int torn_lines_;
  int64_t bytes_;
};

// The entry of the pool as it is now, nothing: it never grew; and how often it did.
const Entry* last_growth(std::span<const Entry> entries);
int64_t growths(std::span<const Entry> entries);

// Entries when `head` was the chain's head; -1: this ledger never had that head (it is another run's).
int64_t entries_at(std::span<const Entry> entries, const std::string& head);

// Labels that training in `round` used: those that stand then.
int64_t labels_through(std::span<const Entry> entries, int64_t round);

}  // namespace crc::apps
