#include "apps/base/outputs.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

// Absolute, without links and dots, as far as it exists.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? path.lexically_normal() : whole;
}

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat x, y;
  if (::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0) return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
  return resolved(a) == resolved(b);
}

// Itself, not what it points to: a link is replaced, not followed.
bool stands(const fs::path& file, struct stat& status) {
  if (::lstat(file.c_str(), &status) == 0) return true;
  if (errno != ENOENT) data::fail_system(Use::output, "writing", file, errno);
  return false;
}

// What a run wrote, and nothing else holds.
bool is_of_a_run(const fs::path& file) {
  constexpr std::string_view kNames[] = {"run.json",   "config.toml",   "labels.jsonl",        "metrics.jsonl",
                                         "rounds.csv", "manifest.json", "manifest-copy.json",  "index.json",
                                         "query.csv",  "scores.npz",    "index-copy.json",     "scores.json",
                                         "query.png",  "log.txt",       "weights.safetensors", "best.safetensors"};
  if (std::ranges::find(kNames, file.filename().string()) == std::end(kNames) && folder_of(file).filename() != "ckpt")
    return false;
  const fs::path folder = resolved(folder_of(file));
  for (const fs::path& run : {folder, folder.parent_path(), folder.parent_path().parent_path()})
    if (file_exists(run / "run.json", Use::output)) return true;
  return false;
}

}  // namespace

bool lies_in(const fs::path& file, const fs::path& folder) {
  const fs::path inner = resolved(folder_of(file)), outer = resolved(folder);
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

Outputs::Outputs(const std::vector<fs::path>& files, OutputRules rules) : rules_(std::move(rules)) {
  for (const fs::path& file : files) {
    if (file.empty()) continue;
    for (const fs::path& other : files_)
      if (same_file(file, other))
        fail(ExitCode::usage, fmt::format("{} is named for two outputs; name a file for each", file.string()));
    check(file);
    files_.push_back(file);
  }
}

void Outputs::protect(const std::vector<fs::path>& inputs) {
  rules_.inputs.insert(rules_.inputs.end(), inputs.begin(), inputs.end());
  for (const fs::path& file : files_) check_inputs(file);
}

void Outputs::check(const fs::path& file) const {
  check_folder(file);
  check_inputs(file);
  struct stat status;
  if (!stands(file, status)) return;
  if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
    fail(ExitCode::output_refused,
         fmt::format("{} is a folder, a pipe or a device, and a file is to be written; name another", file.string()));
  if (!rules_.force && !is_own(file))
    fail(ExitCode::output_refused,
         fmt::format("{} exists; name another file, or give --force to replace it", file.string()));
  if (is_of_a_run(file))
    fail(ExitCode::output_refused,
         fmt::format("{} belongs to a run, which nothing can replace; name another file", file.string()));
}

bool Outputs::is_own(const fs::path& file) const {
  const auto own = rules_.own.find(resolved(file).string());
  return own != rules_.own.end() && file_exists(file) && checksum(read_file(file)) == own->second;
}

void Outputs::check_folder(const fs::path& file) const {
  fs::path folder = folder_of(file);
  while (rules_.makes_folders && !file_exists(folder, Use::output) && folder != folder_of(folder))
    folder = folder_of(folder);
  if (!is_folder(folder, Use::output))
    fail(ExitCode::output_refused,
         fmt::format("{} cannot be written: {} is not a folder; create it first", file.string(), folder.string()));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) data::fail_system(Use::output, "writing into", folder, errno);
}

void Outputs::check_inputs(const fs::path& file) const {
  struct stat status;
  for (const fs::path& input : rules_.inputs) {
    if (input.empty()) continue;
    if (same_file(file, input))
      fail(ExitCode::usage, fmt::format("{} is an input; name another file for the output", file.string()));
    if (is_folder(input) && lies_in(file, input) && (stands(file, status) || !same_file(input, ".")))
      fail(ExitCode::usage, fmt::format("{} lies in {}, which is an input; name a file elsewhere for the output",
                                        file.string(), input.string()));
  }
}

void Outputs::put(const fs::path& file, std::string_view content) {
  if (file.empty()) return;
  check(file);
  if (!finishing_) finishing_.emplace();
  if (rules_.makes_folders) make_directories(folder_of(file));
  const auto again = std::ranges::find(staged_, file, &StagedFile::path);
  if (again != staged_.end()) fail_internal(file.string() + " is written twice");
  staged_.emplace_back(file, content);
  if (rules_.announce) put_[resolved(file).string()] = checksum(content);
}

void Outputs::put(const fs::path& file, std::span<const uint8_t> content) {
  put(file, std::string_view(reinterpret_cast<const char*>(content.data()), content.size()));
}

void Outputs::commit() {
  std::set<fs::path> folders;
  for (const StagedFile& file : staged_) {
    check(file.path());  // what appeared in the meantime, before the first file is in its place
    folders.insert(folder_of(file.path()));
  }
  if (rules_.announce && !staged_.empty()) rules_.announce(put_);
  for (StagedFile& file : staged_)
    file.publish(rules_.force || is_own(file.path()) ? Existing::replace : Existing::refuse);
  staged_.clear();
  finishing_.reset();
  for (const fs::path& folder : folders)
    if (::access(folder.c_str(), R_OK) == 0) remove_stale_temporaries(folder, /*earlier=*/false);
}

}  // namespace crc::apps
