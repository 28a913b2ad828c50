// A run's directory (docs/run-directory.md):
//   run.json config.toml labels.jsonl metrics.jsonl rounds.csv log.txt report.html
//   manifest.json  ckpt/{index.json,*.safetensors}  rounds/NN/...  pool/NNN.csv
//   .lock  and one of DONE, PREEMPTED, WAITING when nobody works on it
// The object holds the lock; what it writes is committed (apps/base/files.h) and listed (apps/rundir/run_files.h).
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "apps/config/config.h"
#include "apps/rundir/checkpoints.h"
#include "apps/rundir/ledger.h"
#include "apps/rundir/rounds.h"
#include "apps/rundir/run_lock.h"
#include "apps/rundir/run_state.h"

namespace crc::apps {

// Recorded once, at creation, in run.json.
struct RunInfo {
  std::vector<std::string> arguments;            // argv
  std::string device;                            // Context::describe()
  std::string device_choice = {};                // Context::choice(); empty: the device was named
  std::map<std::string, std::string> libraries;  // name -> version
  std::string determinism;                       // "strict", "ranks", "device" or "fast" (docs/run-directory.md)
  std::string data_hash;                         // of the data set's files, or of its recipe
  LabelLimits limits;                            // items and classes of the data set
  std::vector<std::string> class_names;
  int64_t validation_labels = 0;                  // of the held-out images: labels that the ledger does not count
  data::NormalizeStats normalize = {};            // of the data set, for its pixels
  std::map<std::string, std::string> start = {};  // RunFacts::start
};

// "crc_train resume DIR --set key=value", for a shell: what a hint says to type, with what was said this time.
std::string command_line(const std::string& words, const std::vector<std::string>& settings);

enum class Marker { none, done, preempted, waiting };
std::string to_string(Marker marker);

class RunDir {
 public:
  // A new run. Error 73 if the directory exists and is not empty (the message says what to type), is locked, or cannot
  // be written. A creation that was killed half-way, before run.json, is completed.
  static RunDir create(const fs::path& path, const Config& config, const RunInfo& info);

  // What create() refuses of a path before it makes anything.
  static void check_new(const fs::path& path);

  // Undoes a creation after which nothing was written: the files and, if `made` says that there was none, the
  // directory. Does nothing where there is more. Never fails.
  void abandon(bool made) noexcept;

  // An existing run, to go on with: takes the lock, checks that its files are its own (read_run), removes what dead
  // processes left half-written. The marker stays until somebody works on the run. `settings` and the environment may
  // move it (resume_config). Error 66 if there is no run, 73 if it is locked, 65 if something is damaged, 78 for
  // settings that would change its result.
  static RunDir open(const fs::path& path, const std::vector<std::string>& settings = {});

  const fs::path& path() const { return path_; }
  const Config& config() const { return config_; }
  const std::vector<std::string>& moves() const { return moves_; }  // where it is not config.toml's (Config::moves)
  std::string resume_command() const { return command_line("resume " + path_.string(), settings_); }
  const std::vector<std::string>& settings() const { return settings_; }  // of open()
  const RunFacts& facts() const { return facts_; }  // load_run_data compares them with the data found
  Ledger& ledger() { return ledger_; }
  Checkpoints& checkpoints() { return checkpoints_; }

  // What the user should know about the state that was found: torn lines dropped, temporaries removed, ...
  const std::vector<std::string>& notes() const { return notes_; }

  RunFiles& files() { return files_; }  // what the run wrote before is read, and what it writes is committed here

  // Into the ledger (Ledger::record), and the manifest says so.
  void record(int64_t round, const std::string& source, std::span<const Answer> answers);
  void correct(int64_t round, const std::string& source, std::span<const Answer> answers);  // Ledger::change

  void grow(int64_t round, int64_t items, const std::string& list,
            std::span<const Answer> answers);              // Ledger::grow
  LabelLimits limits() const { return ledger_.limits(); }  // of the data set as it is by now

  // metrics.jsonl: one flat object per line; "seq" counts all lines. NaN is written as null.
  void append_metrics(const nlohmann::ordered_json& record);
  int64_t metrics_bytes() const { return metrics_bytes_; }

  void write_rounds(const std::vector<RoundRow>& rows);  // every row's labels must be the ledger's count: else internal
  std::vector<RoundRow> read_rounds();
  NamedFile rounds_file(const std::vector<RoundRow>& rows) const;  // to be committed together with others

  // Completes `info` with the ledger's and the metrics' state, and saves.
  void save_checkpoint(CheckpointInfo info, std::string_view payload);

  // The newest valid checkpoint, or nothing when the run never saved one. Truncates metrics.jsonl to what that
  // checkpoint had seen, so no step is recorded twice. Error 65 when the run had got further than an index without
  // checkpoints says, or when metrics.jsonl is not what the checkpoint had seen.
  std::optional<Checkpoint> resume();

  void mark(Marker marker, const std::string& reason);

 private:
  RunDir(RunLock lock, RunFiles files, Config config, Ledger ledger, RunFacts facts);
  void count_metrics();
  void check_metrics(const Checkpoint& checkpoint);
  fs::path path_;
  RunLock lock_;
  RunFiles files_;
  Config config_;
  Ledger ledger_;
  Checkpoints checkpoints_;
  RunFacts facts_;
  int64_t metrics_bytes_ = 0, metrics_lines_ = 0;
  std::vector<std::string> notes_, moves_, settings_;
};

Marker marker_of(const fs::path& run);

}  // namespace crc::apps
