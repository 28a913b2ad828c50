// Files that survive a crash. A commit is: temporary file in the same directory (O_EXCL), every write checked, fsync,
// rename, fsync of the directory; whoever looks, at whatever moment, sees the old content or the new, never a mixture.
// Errors: data::fail_system's (66 what must be read, 73 the output, 71 memory, 74 I/O error or disk full), and 65 for
// what is too large. Messages name the path and the system's reason. One thread at a time may write.
// What a user named as output goes through apps/base/outputs.h instead.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/file.h"

namespace crc::apps {

namespace fs = std::filesystem;
using data::file_exists, data::is_folder, data::list_folder, data::Use;

// To be called first in main: file size limits and closed pipes then arrive as errors instead of killing the process.
void ignore_write_signals();

std::string read_file(const fs::path& path, int64_t max_bytes = int64_t(1) << 30);

enum class Existing { replace, refuse };  // refuse: 73, also where the file appears at the last moment

// A file that is on disk under a temporary name beside its place; it is removed with the object.
class StagedFile {
 public:
  StagedFile(const fs::path& path, std::string_view content);
  ~StagedFile();
  StagedFile(StagedFile&& other) noexcept;
  StagedFile& operator=(StagedFile&&) = delete;
  void publish(Existing existing = Existing::replace);  // renames it to `path`, durably
  const fs::path& path() const { return path_; }

 private:
  fs::path path_, temporary_;
  int fd_ = -1;  // locked for as long as the file is ours: how others know a temporary of the living
};

void commit_file(const fs::path& path, std::string_view content);
void commit_file(const fs::path& path, std::span<const uint8_t> content);

enum class Durable { yes, no };  // yes: on disk (fdatasync) when the call returns

// Appends with one write(2) to a file that must exist. A failed append leaves the file as it was; a crash in the
// middle can leave a torn last line, which the readers of such files drop and count.
void append_text(const fs::path& path, std::string_view text, Durable durable = Durable::yes);

// Error 73: the file is not as long as this process, the only one that writes to it, left it.
void require_size(const fs::path& path, int64_t bytes);

void truncate_file(const fs::path& path, int64_t length);
void make_directories(const fs::path& path);  // created ones are durable; existing ones are fine
void remove_file(const fs::path& path);       // absent is fine

// Removes the temporary files that commits of dead processes left in `directory`; returns how many. Only names that no
// other program gives; `earlier`: also those of earlier versions of this one, in directories that are ours alone.
int remove_stale_temporaries(const fs::path& directory, bool earlier = true);
bool is_temporary(const fs::path& path);  // of this version or an earlier one

// XXH3-128 as 32 hexadecimal digits: finds damage, does not resist an attacker.
std::string checksum(std::string_view bytes);

std::string utc_now();  // "2026-01-31T12:34:56Z"

}  // namespace crc::apps
