#include "apps/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <optional>
#include <system_error>

#include "apps/fault.h"
#include "apps/signals.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr std::string_view kTemporaryMark = ".tmp.";
constexpr size_t kPiece = size_t(1) << 20;

[[noreturn]] void fail_io(std::string_view doing, const fs::path& path, int error) {
  const std::string reason = std::generic_category().message(error);
  const std::string what = fmt::format("{} {}: {}", doing, path.string(), reason);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      fail(ExitCode::io, what + "; free some space and run again, nothing was lost");
    case EFBIG:
      fail(ExitCode::io, what + "; raise the file size limit (ulimit -f) and run again");
    case EACCES:
    case EPERM:
    case EROFS:
      fail(ExitCode::output_refused, what + "; choose a directory that you may write to");
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
      fail(ExitCode::output_refused, what + "; check the path, or choose another");
    default:
      fail(ExitCode::io, what + "; check the disk, then run again");
  }
}

// A descriptor that closes itself; close() is for writers, who must know whether it worked.
class File {
 public:
  // `shown` is the path that messages name.
  File(const fs::path& path, int flags, std::string_view doing, const fs::path& shown) : path_(shown), doing_(doing) {
    const Fault fault = next_fault(Io::open);
    if (!fault.error) fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (fd_ < 0) fail_io(doing_, path_, fault.error ? fault.error : errno);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t piece = std::min(bytes.size(), kPiece);
      const Fault fault = next_fault(Io::write);
      const ssize_t done =
          fault.error ? -1 : ::write(fd_, bytes.data(), fault.shorten ? std::max(piece / 2, size_t(1)) : piece);
      if (fault.kill_after) raise(SIGKILL);
      const int error = fault.error ? fault.error : errno;
      if (done < 0 && error == EINTR) continue;
      if (done < 0) fail_io(doing_, path_, error);
      bytes.remove_prefix(size_t(done));
    }
  }

  // A failed fsync is final: the kernel may have dropped the dirty pages, so a second one proves nothing.
  void sync(bool data_only = false) {
    const Fault fault = next_fault(Io::fsync);
    if (!fault.error && (data_only ? ::fdatasync(fd_) : ::fsync(fd_)) == 0) return;
    fail_io("flushing", path_, fault.error ? fault.error : errno);
  }

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

void sync_directory(const fs::path& directory) { File(directory, O_RDONLY | O_DIRECTORY, "opening", directory).sync(); }

fs::path temporary_name(const fs::path& path) {
  static std::atomic<int> count = 0;
  return parent_of(path) / fmt::format(".{}{}{}.{}", path.filename().string(), kTemporaryMark, ::getpid(), ++count);
}

}  // namespace

void ignore_write_signals() {
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
}

std::string read_file(const fs::path& path, int64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    fail(ExitCode::input_missing,
         fmt::format("cannot read {}: {}; check the path", path.string(), std::generic_category().message(errno)));
  }
  std::string content;
  char piece[1 << 16];
  ssize_t got = 0;
  do {
    got = ::read(fd, piece, sizeof piece);
    if (got > 0) content.append(piece, size_t(got));
  } while ((got > 0 && int64_t(content.size()) <= max_bytes) || (got < 0 && errno == EINTR));
  const int error = errno;
  ::close(fd);
  if (got < 0) fail_io("reading", path, error);
  if (int64_t(content.size()) > max_bytes) {
    fail(ExitCode::corrupt_data, fmt::format("{} is larger than {} bytes, the most that is read; is it the right file?",
                                             path.string(), max_bytes));
  }
  return content;
}

void commit_file(const fs::path& path, std::span<const uint8_t> content) {
  commit_file(path, std::string_view(reinterpret_cast<const char*>(content.data()), content.size()));
}

void commit_file(const fs::path& path, std::string_view content) {
  std::optional<FinishFirst> finish_first(std::in_place);  // no temporary file stays because somebody asked to stop
  const fs::path temporary = temporary_name(path);
  File file(temporary, O_WRONLY | O_CREAT | O_EXCL, "writing", path);
  try {
    file.write(content);
    file.sync();
    file.close();
    const Fault fault = next_fault(Io::rename);
    if (fault.error || ::rename(temporary.c_str(), path.c_str()) != 0) {
      fail_io("renaming a temporary file to", path, fault.error ? fault.error : errno);
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_directory(parent_of(path));
  finish_first.reset();
  stop_if_asked();
}

void append_text(const fs::path& path, std::string_view text, Durable durable) {
  File file(path, O_WRONLY | O_APPEND, "appending to", path);
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

void truncate_file(const fs::path& path, int64_t length) {
  File file(path, O_WRONLY, "truncating", path);
  file.truncate(length);
  file.sync();
  file.close();
}

void make_directories(const fs::path& path) {
  if (path.empty() || fs::is_directory(path)) return;
  make_directories(path.parent_path());
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) fail_io("creating the directory", path, errno);
  if (!fs::is_directory(path)) fail_io("creating the directory", path, ENOTDIR);
  sync_directory(parent_of(path));
}

void remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail_io("removing", path, errno);
}

bool is_temporary(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.size() > 1 && name[0] == '.' && name.find(kTemporaryMark) != name.npos;
}

int remove_stale_temporaries(const fs::path& directory) {
  int removed = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (!is_temporary(entry.path())) continue;
    const std::string name = entry.path().filename().string();
    const char* digits = name.data() + name.rfind(kTemporaryMark) + kTemporaryMark.size();
    int pid = 0;
    std::from_chars(digits, name.data() + name.size(), pid);
    // Our own number is a predecessor's (containers start at 1 again): this process has committed nothing here yet.
    const bool alive = pid > 0 && pid != ::getpid() && (::kill(pid, 0) == 0 || errno == EPERM);
    if (!alive) removed += ::unlink(entry.path().c_str()) == 0;
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
