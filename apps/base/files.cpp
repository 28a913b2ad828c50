#include "apps/base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include "apps/base/fault.h"
#include "apps/base/signals.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr size_t kPiece = size_t(1) << 20;

[[noreturn]] void fail_io(std::string_view doing, const fs::path& path, int error) {
  data::fail_system(Use::output, doing, path, error);
}

void write_all(int fd, std::string_view bytes, std::string_view doing, const fs::path& path) {
  while (!bytes.empty()) {
    const size_t piece = std::min(bytes.size(), kPiece);
    const Fault fault = next_fault(Io::write);
    const ssize_t done =
        fault.error ? -1 : ::write(fd, bytes.data(), fault.shorten ? std::max(piece / 2, size_t(1)) : piece);
    if (fault.kill_after) raise(SIGKILL);
    const int error = fault.error ? fault.error : errno;
    if (done < 0 && error == EINTR) continue;
    if (done < 0) fail_io(doing, path, error);
    bytes.remove_prefix(size_t(done));
  }
}

// A failed fsync is final: the kernel may have dropped the dirty pages, so a second one proves nothing.
void flush(int fd, const fs::path& path, bool data_only = false) {
  const Fault fault = next_fault(Io::fsync);
  if (!fault.error && (data_only ? ::fdatasync(fd) : ::fsync(fd)) == 0) return;
  fail_io("flushing", path, fault.error ? fault.error : errno);
}

// A descriptor that closes itself; close() is for writers, who must know whether it worked.
class File {
 public:
  File(const fs::path& path, int flags, std::string_view doing) : path_(path), doing_(doing) {
    const Fault fault = next_fault(Io::open);
    if (!fault.error) fd_ = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd_ < 0) fail_io(doing_, path_, fault.error ? fault.error : errno);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view bytes) { write_all(fd_, bytes, doing_, path_); }
  void sync(bool data_only = false) { flush(fd_, path_, data_only); }
  int64_t size() const {
    struct stat status;
    if (::fstat(fd_, &status) != 0) fail_io("reading the size of", path_, errno);
    return status.st_size;
  }
  void truncate(int64_t length) {
    if (::ftruncate(fd_, length) != 0) fail_io("truncating", path_, errno);
  }
  void close() {
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) fail_io("closing", path_, errno);
  }
  int fd() const { return fd_; }

 private:
  fs::path path_;
  std::string_view doing_;
  int fd_ = -1;
};

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void sync_directory(const fs::path& directory) { File(directory, O_RDONLY | O_DIRECTORY, "opening").sync(); }

constexpr std::string_view kBegin = ".crc-", kEnd = ".tmp";
constexpr size_t kDigits = 16;

// Short, because the name beside it may be as long as names can be; random, because process numbers repeat in
// containers.
fs::path temporary_name(const fs::path& path) {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) fail_io("drawing a name for", path, errno);
  return parent_of(path) / fmt::format("{}{:016x}{}", kBegin, number, kEnd);
}

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == text.npos;
}

bool is_own_temporary(std::string_view name) {
  return name.size() == kBegin.size() + kDigits + kEnd.size() && name.starts_with(kBegin) && name.ends_with(kEnd) &&
         all_of(name.substr(kBegin.size(), kDigits), "0123456789abcdef");
}

// ".NAME.tmp.PID.N"
bool is_earlier_temporary(std::string_view name) {
  const size_t mark = name.rfind(".tmp."), dot = name.rfind('.');
  return name.starts_with('.') && mark != name.npos && mark > 0 && dot > mark + 4 &&
         all_of(name.substr(mark + 5, dot - mark - 5), "0123456789") && all_of(name.substr(dot + 1), "0123456789");
}

// Whether the one who made it has died: then nobody holds its lock.
bool is_stale(const fs::path& temporary) {
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  const bool stale = fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (fd >= 0) ::close(fd);
  return stale;
}

// Where the file system cannot rename without replacing (NFS), a second name serves: link() never replaces.
bool rename_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  if (::link(from.c_str(), to.c_str()) != 0) return false;
  ::unlink(from.c_str());
  return true;
}

}  // namespace

void ignore_write_signals() {
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
}

std::string read_file(const fs::path& path, int64_t max_bytes) { return data::read_text(path, max_bytes); }

StagedFile::StagedFile(const fs::path& path, std::string_view content) : path_(path) {
  for (struct stat status = {}; status.st_nlink == 0;) {  // somebody may sweep it up between open and lock
    if (fd_ >= 0) ::close(fd_);
    temporary_ = temporary_name(path);
    const Fault fault = next_fault(Io::open);
    fd_ = fault.error ? -1 : ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0) fail_io("writing", path, fault.error ? fault.error : errno);
    (void)::flock(fd_, LOCK_EX);  // where there are no locks, nobody can sweep up either
    if (::fstat(fd_, &status) != 0) status.st_nlink = 1;
  }
  try {
    write_all(fd_, content, "writing", path);
    flush(fd_, path);
  } catch (...) {
    ::unlink(temporary_.c_str());
    ::close(fd_);
    throw;
  }
}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), fd_(std::exchange(other.fd_, -1)) {}

StagedFile::~StagedFile() {
  if (fd_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(fd_);
}

void StagedFile::publish(Existing existing) {
  const Fault fault = next_fault(Io::rename);
  const bool done = !fault.error && (existing == Existing::replace ? ::rename(temporary_.c_str(), path_.c_str()) == 0
                                                                   : rename_to_new(temporary_, path_));
  if (!done) fail_io("renaming a temporary file to", path_, fault.error ? fault.error : errno);
  ::close(std::exchange(fd_, -1));  // after a good fsync there is nothing left that could fail
  sync_directory(parent_of(path_));
}

void commit_file(const fs::path& path, std::span<const uint8_t> content) {
  commit_file(path, std::string_view(reinterpret_cast<const char*>(content.data()), content.size()));
}

void commit_file(const fs::path& path, std::string_view content) {
  {
    const FinishFirst finish_first;  // no temporary file stays because somebody asked to stop
    StagedFile(path, content).publish();
  }
  stop_if_asked();
}

void append_text(const fs::path& path, std::string_view text, Durable durable) {
  File file(path, O_WRONLY | O_APPEND, "appending to");
  const int64_t before = file.size();
  try {
    file.write(text);
    if (durable == Durable::yes) file.sync(true);
    file.close();
  } catch (...) {
    (void)!::ftruncate(file.fd(), before);  // best effort: the next reader drops a torn line anyway
    throw;
  }
}

void require_size(const fs::path& path, int64_t bytes) {
  std::error_code error;
  const auto now = fs::file_size(path, error);
  if (!error && int64_t(now) == bytes) return;
  fail(ExitCode::output_refused,
       fmt::format("{} {} where this process left {} bytes: another process works on the same run (was its .lock "
                   "removed?); stop one of the two and continue with: crc_train resume {}",
                   path.string(), error ? "is gone" : fmt::format("has {} bytes", now), bytes,
                   parent_of(path).string()));
}

void truncate_file(const fs::path& path, int64_t length) {
  File file(path, O_WRONLY, "truncating");
  file.truncate(length);
  file.sync();
  file.close();
}

void make_directories(const fs::path& path) {
  if (path.empty() || is_folder(path, Use::output)) return;
  make_directories(path.parent_path());
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) fail_io("creating the directory", path, errno);
  if (!is_folder(path, Use::output)) fail_io("creating the directory", path, ENOTDIR);
  sync_directory(parent_of(path));
}

void remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail_io("removing", path, errno);
}

bool is_temporary(const fs::path& path) {
  const std::string name = path.filename().string();
  return is_own_temporary(name) || is_earlier_temporary(name);
}

int remove_stale_temporaries(const fs::path& directory, bool earlier) {
  int removed = 0;
  if (!is_folder(directory)) return 0;
  for (const fs::path& path : list_folder(directory)) {
    const std::string name = path.filename().string();
    if (!is_own_temporary(name) && !(earlier && is_earlier_temporary(name))) continue;
    if (is_stale(path)) removed += ::unlink(path.c_str()) == 0;
  }
  return removed;
}

std::string checksum(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc;
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace crc::apps
