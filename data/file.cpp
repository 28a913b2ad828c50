#include "data/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void fail_open(const Path& path) {
  const ExitCode code = errno == ENOENT || errno == ENOTDIR ? ExitCode::input_missing : ExitCode::io;
  fail(code, fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
}

void refuse_folder(const Path& path) {
  if (std::error_code error; std::filesystem::is_directory(path, error))
    fail(ExitCode::input_missing, fmt::format("{}: is a folder; a file is expected here", path.string()));
}

}  // namespace

Bytes read_file(const Path& path, int64_t limit) {
  refuse_folder(path);
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) fail_open(path);
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) fail(ExitCode::io, fmt::format("{}: {}; a regular file is expected", path.string(), error.message()));
  if (size > uintmax_t(limit))
    fail_at(path, limit, fmt::format("a file of {} bytes", size), fmt::format("at most {} bytes", limit));
  Bytes bytes(size);
  const size_t got = size ? std::fread(bytes.data(), 1, size, file.get()) : 0;
  if (got != size)
    fail(ExitCode::io, fmt::format("{}: read {} of {} bytes: {}; check the disk and try again", path.string(), got,
                                   size, std::ferror(file.get()) ? std::strerror(errno) : "the file became shorter"));
  return bytes;
}

MappedFile map_file(const Path& path) {
  refuse_folder(path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_open(path);
  struct stat status;
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const size_t size = regular ? size_t(status.st_size) : 0;
  void* memory = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0) : nullptr;
  const int error = errno;
  ::close(fd);
  if (!regular)
    fail(ExitCode::io, fmt::format("{}: a regular file is expected; write it to disk first", path.string()));
  if (memory == MAP_FAILED)
    fail(error == ENOMEM ? ExitCode::out_of_memory : ExitCode::io,
         fmt::format("{}: its {} bytes cannot be mapped: {}; is the address space limited (ulimit -v)?", path.string(),
                     size, std::strerror(error)));
  const std::shared_ptr<const void> owner(memory, [size](void* mapped) {
    if (mapped) ::munmap(mapped, size);
  });
  return {{static_cast<const uint8_t*>(memory), size}, owner};
}

void write_file(const Path& path, std::span<const uint8_t> bytes) {
  File file(std::fopen(path.c_str(), "wbx"));
  if (!file)
    fail(ExitCode::output_refused, fmt::format("{}: cannot be created: {}; choose another place or remove it",
                                               path.string(), std::strerror(errno)));
  const bool written = bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  if (!written || std::fclose(file.release()) != 0) {
    const int error = errno;
    std::error_code ignored;
    std::filesystem::remove(path, ignored);  // half a file is worse than none
    fail(ExitCode::io,
         fmt::format("{}: writing {} bytes failed: {}", path.string(), bytes.size(), std::strerror(error)));
  }
}

void write_file(const Path& path, std::string_view text) {
  write_file(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

void fail_at(const Path& path, int64_t offset, const std::string& found, const std::string& expected) {
  fail(ExitCode::corrupt_data,
       fmt::format(
           "{}: byte {}: found {}, expected {}. The file is damaged or of another kind: fetch or write it again.",
           path.string(), offset, found, expected));
}

Path find_folder(const std::string& dataset, const Path& dir, const std::vector<std::string>& subfolders,
                 const std::vector<std::string>& files, const std::string& source) {
  std::vector<Path> candidates{dir};
  std::string places = dir.string();
  for (const auto& sub : subfolders) {
    candidates.push_back(dir / sub);
    places += " or " + candidates.back().string();
  }
  const std::string expected = fmt::format("expected: {} in {}. Get them from: {}", join(files),
                                           dir.empty() ? "the folder you name" : places, source);
  if (dir.empty()) fail(ExitCode::input_missing, fmt::format("{}: no data folder was given; {}", dataset, expected));
  std::error_code error;
  for (const Path& folder : candidates) {
    std::vector<std::string> missing;
    for (const auto& file : files)
      if (!std::filesystem::exists(folder / file, error)) missing.push_back(file);
    if (missing.empty()) return folder;
    if (missing.size() < files.size())
      fail(ExitCode::input_missing,
           fmt::format("{}: {} missing in {}; {}", dataset, join(missing), folder.string(), expected));
  }
  const bool exists = std::filesystem::is_directory(dir, error);
  fail(ExitCode::input_missing, fmt::format("{}: {} {}; {}", dataset, dir.string(),
                                            exists ? "holds none of its files" : "is not a folder", expected));
}

struct Fingerprint::State {
  XXH3_state_t hash;
};

Fingerprint::Fingerprint() : state_(new State) { XXH3_64bits_reset(&state_->hash); }
Fingerprint::~Fingerprint() = default;
void Fingerprint::add(std::span<const uint8_t> bytes) { XXH3_64bits_update(&state_->hash, bytes.data(), bytes.size()); }
void Fingerprint::add(std::string_view text) {
  add(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}
std::string Fingerprint::hex() const { return fmt::format("{:016x}", XXH3_64bits_digest(&state_->hash)); }

}  // namespace crc::data
