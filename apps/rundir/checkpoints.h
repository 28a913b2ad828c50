// The checkpoints of one run: ckpt/round-RR-step-SSSSSSSSS.safetensors, and ckpt/index.json (with its copy,
// apps/rundir/state_file.h) that lists them with their checksums. The payload is opaque here. A checkpoint exists once
// the index names it; the index is committed after the payload and before anything old is deleted, so whenever the
// process dies one valid checkpoint remains.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

// What a checkpoint belongs to; stored beside it in the index.
struct CheckpointInfo {
  int64_t round = 0, step = 0;
  bool round_end = false;         // one per round is kept for good
  std::string ledger_head;        // chain head of labels.jsonl
  int64_t labels = 0;             // its length
  int64_t metrics_bytes = 0;      // length of metrics.jsonl: a resume truncates to it
  std::string metrics_xxh3 = {};  // checksum of these bytes; empty: saved by an earlier version
  std::string config_hash;
};

struct Checkpoint {
  CheckpointInfo info;
  std::string file;  // name inside ckpt/
  std::string payload;
};

class Checkpoints {
 public:
  static constexpr const char* kIndex = "index.json";

  static void create(const fs::path& directory);  // an empty index
  // `keep`: newest ones that save() leaves besides the round ends (ckpt.keep), at least one. Error 65: no index, or not
  // one that this program wrote.
  explicit Checkpoints(const fs::path& directory, int64_t keep = 3);

  // The same end of a round once more (of a run that was resumed there) is no second checkpoint.
  void save(const CheckpointInfo& info, std::string_view payload);

  // The newest checkpoint whose bytes are what was written, or nothing when none was ever saved. Each one passed over
  // adds a sentence to `notes`, to be shown to the user. Error 65 when there are checkpoints but none is valid, or when
  // an index that lists none has lost them.
  std::optional<Checkpoint> load_newest(std::vector<std::string>& notes);

  // Deletes payloads that the index does not name: expired, or written by a process that died before it did.
  void remove_unlisted() const;

  struct Entry {
    CheckpointInfo info;
    std::string file, xxh3;
    int64_t bytes = 0;
  };
  const std::vector<Entry>& entries() const { return entries_; }  // oldest first
  std::optional<std::string> damage(const Entry& entry) const;    // what is wrong with the file, if anything
  size_t size() const { return entries_.size(); }

 private:
  std::optional<std::string> damage(const Entry& entry, std::string* payload) const;
  void write_index();
  bool lists(const std::string& name) const;
  std::vector<std::string> payload_files() const;
  fs::path directory_;
  int64_t keep_;
  std::vector<Entry> entries_;
  int64_t saves_ = 0;               // of the index
  std::vector<std::string> notes_;  // about it
};

}  // namespace crc::apps
