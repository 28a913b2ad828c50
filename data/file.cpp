#include "data/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "data/mapped.h"
#include "kernels/core/error.h"
#include "kernels/core/mapped_pages.h"

namespace crc::data {
namespace {

// A descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(int fd) : fd(fd) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int fd;
};

struct Remedy {
  ExitCode code;
  const char* what_to_do;
};

Remedy remedy_for(int error, bool input) {
  const ExitCode name = input ? ExitCode::input_missing : ExitCode::output_refused;
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return {ExitCode::io, "free some space and run again, nothing was lost"};
    case EFBIG:
      return {ExitCode::io, "raise the file size limit (ulimit -f) and run again"};
    case EMFILE:
    case ENFILE:
      return {ExitCode::io, "raise the limit on open files (ulimit -n) and run again"};
    case ENOMEM:
      return {ExitCode::out_of_memory, "free some memory, or take a larger machine"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {name,
              input ? "ask for the right to read it, or name another" : "choose a directory that you may write to"};
    case ENAMETOOLONG:
      return {name, "shorten the name"};
    case EEXIST:
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENXIO:
    case EILSEQ:
    case ENOTEMPTY:
    case ETXTBSY:
      return {name, input ? "check the path" : "check the path, or choose another"};
    default:
      return {ExitCode::io, "check the disk, then run again"};
  }
}

// O_NONBLOCK: opening a FIFO must not wait for its writer; for a regular file it means nothing.
int open_to_read(const Path& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }

// The size of an open file.
int64_t check_regular(int fd, const Path& path) {
  struct stat status;
  if (fd < 0) fail_system(Use::input, "reading", path, errno);
  if (::fstat(fd, &status) != 0) fail_system(Use::input, "looking at", path, errno);
  if (S_ISDIR(status.st_mode))
    fail(ExitCode::input_missing, fmt::format("{}: is a folder; a file is expected here", path.string()));
  if (!S_ISREG(status.st_mode))
    fail(ExitCode::input_missing, fmt::format("{}: is a pipe or a device, and a regular file is expected; write what "
                                              "it gives to a file first",
                                              path.string()));
  return status.st_size;
}

bool is_there(const Path& path, Use use, struct stat& status) {
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) fail_system(use, "looking for", path, errno);
  return false;
}

template <class Content> Content read_whole(const Path& path, int64_t limit) {
  const Descriptor file(open_to_read(path));
  const int64_t size = check_regular(file.fd, path);
  const auto refuse_longer = [&](int64_t bytes) {
    fail_at(path, limit, fmt::format("a file of {} bytes", bytes), fmt::format("at most {} bytes", limit));
  };
  if (size > limit) refuse_longer(size);
  Content content;
  content.resize(size_t(size) + 1);  // one more: to see the end, which files of /proc do not announce
  size_t filled = 0;
  for (;;) {
    if (filled == content.size()) content.resize(filled + (size_t(1) << 20));
    const ssize_t got = ::read(file.fd, content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system(Use::input, "reading", path, errno);
    if (got == 0) break;
    filled += size_t(got);
    if (int64_t(filled) > limit) refuse_longer(int64_t(filled));
  }
  if (int64_t(filled) < size)
    fail(ExitCode::io, fmt::format("{}: read {} of {} bytes: the file became shorter; try again when nobody writes it",
                                   path.string(), filled, size));
  content.resize(filled);
  return content;
}

// The mapped files of the process: more places than one ever maps.
struct Mapping;
constexpr int kMappings = 256;
std::atomic<const Mapping*> g_mappings[kMappings];

struct Mapping {
  explicit Mapping(const Path& path_) : path(path_.string()) {}
  ~Mapping() {
    for (std::atomic<const Mapping*>& place : g_mappings)
      if (const Mapping* self = this; place.compare_exchange_strong(self, nullptr)) break;
    if (begin) ::munmap(const_cast<uint8_t*>(begin), bytes());
  }
  void enlist() const {
    for (std::atomic<const Mapping*>& place : g_mappings)
      if (const Mapping* none = nullptr; place.compare_exchange_strong(none, this)) return;
  }
  size_t bytes() const { return size_t(status.st_size); }

  std::string path;
  struct stat status = {};  // when it was mapped
  const uint8_t* begin = nullptr;
};

// Read-only and private: nothing but the file is in them.
void release_mapped(const void* begin, size_t bytes) {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE));
  const auto first = (reinterpret_cast<uintptr_t>(begin) + page - 1) / page * page,
             last = (reinterpret_cast<uintptr_t>(begin) + bytes) / page * page;
  if (first < last && mapped_path(begin) && mapped_path(reinterpret_cast<const void*>(last - 1)))
    (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);  // advice only
}

}  // namespace

void fail_system(Use use, std::string_view doing, const Path& path, int error) {
  const Remedy remedy = remedy_for(error, use == Use::input);
  fail(remedy.code,
       fmt::format("{} {}: {}; {}", doing, path.string(), std::generic_category().message(error), remedy.what_to_do));
}

Bytes read_file(const Path& path, int64_t limit) { return read_whole<Bytes>(path, limit); }
std::string read_text(const Path& path, int64_t limit) { return read_whole<std::string>(path, limit); }

bool file_exists(const Path& path, Use use) {
  struct stat status;
  return is_there(path, use, status);
}

bool is_folder(const Path& path, Use use) {
  struct stat status;
  return is_there(path, use, status) && S_ISDIR(status.st_mode);
}

std::vector<Path> list_folder(const Path& folder, Use use) {
  std::vector<Path> paths;
  try {  // increment(std::error_code&) is noexcept, and yet allocates
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  } catch (const std::filesystem::filesystem_error& error) {
    fail_system(use, "listing", folder, error.code().value());
  }
  std::ranges::sort(paths, {}, [](const Path& path) { return path.native(); });
  return paths;
}

MappedFile map_file(const Path& path) {
  auto mapping = std::make_shared<Mapping>(path);
  const Descriptor file(open_to_read(path));
  const size_t size = size_t(check_regular(file.fd, path));
  if (::fstat(file.fd, &mapping->status) != 0) fail_system(Use::input, "looking at", path, errno);
  void* memory = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0) : nullptr;
  const int error = errno;
  if (memory == MAP_FAILED)
    fail(error == ENOMEM ? ExitCode::out_of_memory : ExitCode::io,
         fmt::format("{}: its {} bytes cannot be mapped: {}; is the address space limited (ulimit -v)?", path.string(),
                     size, std::strerror(error)));
  mapping->begin = static_cast<const uint8_t*>(memory);
  mapping->enlist();
  g_release_pages = release_mapped;
  return {{mapping->begin, size}, mapping};
}

void check_mapped_files() {
  for (const std::atomic<const Mapping*>& place : g_mappings) {
    const Mapping* mapping = place;
    if (!mapping) continue;
    struct stat now;
    const struct stat& then = mapping->status;
    const bool there = ::stat(mapping->path.c_str(), &now) == 0;
    if (there && now.st_dev == then.st_dev && now.st_ino == then.st_ino && now.st_size == then.st_size &&
        now.st_mtim.tv_sec == then.st_mtim.tv_sec && now.st_mtim.tv_nsec == then.st_mtim.tv_nsec)
      continue;
    fail(ExitCode::corrupt_data,
         fmt::format("{}: was {} while it was read, so that no result can be trusted; nothing was written: start again "
                     "when the file is complete",
                     mapping->path, there ? "changed" : "removed"));
  }
}

const char* mapped_path(const void* address) {
  const auto* byte = static_cast<const uint8_t*>(address);
  for (const std::atomic<const Mapping*>& place : g_mappings)
    if (const Mapping* mapping = place; mapping && byte >= mapping->begin && byte < mapping->begin + mapping->bytes())
      return mapping->path.c_str();
  return nullptr;
}

void fail_at(const Path& path, int64_t offset, const std::string& found, const std::string& expected) {
  fail(ExitCode::corrupt_data,
       fmt::format(
           "{}: byte {}: found {}, expected {}. The file is damaged or of another kind: fetch or write it again.",
           path.string(), offset, found, expected));
}

std::string contents_of(const Path& folder) {
  constexpr size_t kShown = 5;
  if (!is_folder(folder)) return "";
  std::vector<std::string> names;
  for (const Path& path : list_folder(folder)) names.push_back(path.filename().string() + (is_folder(path) ? "/" : ""));
  return names.empty() ? "nothing" : join_first(legible(names), kShown);
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
  for (const Path& folder : candidates) {
    std::vector<std::string> missing;
    for (const auto& file : files)
      if (!file_exists(folder / file)) missing.push_back(file);
    if (missing.empty()) return folder;
    if (missing.size() < files.size())
      fail(ExitCode::input_missing,
           fmt::format("{}: {} missing in {}; {}", dataset, join(missing), folder.string(), expected));
  }
  const std::string there = contents_of(dir);
  throw OtherFolder(
      ExitCode::input_missing,
      fmt::format("{}: {} {}; {}", dataset, dir.string(),
                  there.empty() ? "is not a folder" : "holds none of its files (it holds " + there + ")", expected));
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
