#include "apps/report/verify_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/rundir/checkpoints.h"
#include "apps/rundir/run_dir.h"
#include "apps/rundir/state_file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr const char* kIndex = "ckpt/index.json";

class Verifier {
 public:
  explicit Verifier(const fs::path& run) : run_(run) {}

  std::vector<FileCheck> check() {
    if (state_is_whole(RunFiles::kManifest)) {
      files_.emplace(run_);
      for (const std::string& name : files_->listed()) check_listed(name);
    }
    check_unlisted();
    check_checkpoints();
    if (marker_of(run_) == Marker::done && !fs::exists(run_ / "report.html"))
      add("report.html", Condition::missing, "crc_train resume or crc_train report writes it");
    if (std::ranges::none_of(checks_, [](const FileCheck& c) { return is_bad(c.condition); })) check_together();
    return std::move(checks_);
  }

 private:
  static bool is_marker(const std::string& name) {
    return name == to_string(Marker::done) || name == to_string(Marker::preempted) ||
           name == to_string(Marker::waiting);
  }
  bool checked(const std::string& name) const {
    return std::ranges::find(checks_, name, &FileCheck::name) != checks_.end();
  }
  static bool is_bad(Condition c) { return c == Condition::damaged || c == Condition::missing; }
  void add(const std::string& name, Condition condition, const std::string& note = "") {
    checks_.push_back({name, condition, note});
  }

  // Whether the file can be used, from its copy perhaps.
  bool state_is_whole(const std::string& name) {
    const fs::path path = run_ / name;
    std::vector<std::string> notes;
    try {
      if (!load_state(path, notes)) return false;
    } catch (const Error& error) {
      add(name, Condition::damaged, error.what());
      return false;
    }
    if (notes.empty()) add(name, Condition::ok);
    for (const std::string& note : notes)
      add(name, fs::exists(path) && fs::exists(copy_of(path)) ? Condition::damaged : Condition::missing,
          note + "; crc_train resume of a run that is not done writes both again, else copy the whole one over it");
    return true;
  }

  void check_listed(const std::string& name) {
    const std::optional<std::string> damage = files_->damage(name);
    if (!damage) return add(name, Condition::ok);
    add(name, fs::exists(run_ / name) ? Condition::damaged : Condition::missing, *damage + "; " + remedy(name));
  }

  // What a run of an earlier version wrote, or one that was killed before it could list it.
  void check_unlisted() {
    std::vector<std::string> names{"run.json", "config.toml", "labels.jsonl", "metrics.jsonl", "rounds.csv"};
    if (is_folder(run_ / "rounds"))
      for (const fs::path& round : list_folder(run_ / "rounds"))
        for (const fs::path& file : is_folder(round) ? list_folder(round) : std::vector<fs::path>())
          if (!is_folder(file) && !is_temporary(file)) names.push_back(file.lexically_relative(run_).string());
    std::sort(names.begin() + 5, names.end());
    for (const std::string& name : names)
      if (fs::exists(run_ / name) && !checked(name))
        add(name, Condition::not_covered, "made by an earlier version, or by somebody else");
    for (const fs::path& file : list_folder(run_))  // pages, the log, what others put there
      if (const std::string name = file.filename().string();
          !is_folder(file) && !is_temporary(file) && !name.starts_with('.') && !is_marker(name) && !checked(name) &&
          name != RunFiles::kManifest && file != copy_of(run_ / RunFiles::kManifest))
        add(name, Condition::not_covered, "nothing is recorded about it");
  }

  void check_checkpoints() {
    if (!state_is_whole(kIndex)) return;
    std::optional<Checkpoints> checkpoints;
    try {
      checkpoints.emplace(run_ / "ckpt");
    } catch (const Error& error) {
      return add(kIndex, Condition::damaged, error.what());
    }
    for (const Checkpoints::Entry& entry : checkpoints->entries()) {
      const std::string name = "ckpt/" + entry.file;
      const std::optional<std::string> damage = checkpoints->damage(entry);
      if (!damage) {
        add(name, Condition::ok);
      } else if (still_listed(entry)) {
        add(name, fs::exists(run_ / name) ? Condition::damaged : Condition::missing,
            *damage + "; crc_train resume goes back to the newest whole one");
      }
    }
    if (!checkpoints->entries().empty()) check_metrics(checkpoints->entries().back());
  }

  // A run that goes on removes old ones.
  bool still_listed(const Checkpoints::Entry& entry) const {
    const Checkpoints now(run_ / "ckpt");
    return std::ranges::find(now.entries(), entry.file, &Checkpoints::Entry::file) != now.entries().end();
  }

  // Those lines that the manifest does not cover yet.
  void check_metrics(const Checkpoints::Entry& newest) {
    const auto known = std::ranges::find(checks_, "metrics.jsonl", &FileCheck::name);
    if (known == checks_.end() || is_bad(known->condition) || newest.info.metrics_xxh3.empty()) return;
    const std::string text = read_file(run_ / "metrics.jsonl");
    if (int64_t(text.size()) >= newest.info.metrics_bytes &&
        checksum(std::string_view(text).substr(0, size_t(newest.info.metrics_bytes))) == newest.info.metrics_xxh3)
      return;
    known->condition = Condition::damaged;
    known->note = "was changed after " + newest.file + " was saved; " + remedy("metrics.jsonl");
  }

  // Whole files that do not belong together, and a ledger that is longer than the manifest knows.
  void check_together() {
    try {
      RunFiles files(run_);
      (void)read_run(files);
    } catch (const Error& error) {
      add("the run", Condition::damaged, error.what());
    }
  }

  fs::path run_;
  std::optional<RunFiles> files_;
  std::vector<FileCheck> checks_;
};

}  // namespace

std::string to_string(Condition condition) {
  constexpr const char* kNames[] = {"ok", "damaged", "missing", "not covered"};
  return kNames[int(condition)];
}

bool looks_like_run(const fs::path& directory) {
  for (const char* name : {"run.json", RunFiles::kManifest, kIndex})
    if (fs::exists(directory / name)) return true;
  return false;
}

std::vector<fs::path> runs_in(const fs::path& directory) {
  std::vector<fs::path> runs;
  if (!looks_like_run(directory) && is_folder(directory))
    for (const fs::path& path : list_folder(directory))
      if (is_folder(path) && looks_like_run(path)) runs.push_back(path);
  return runs.empty() ? std::vector{directory} : runs;
}

std::vector<FileCheck> verify_run(const fs::path& run) { return Verifier(run).check(); }

}  // namespace crc::apps
