// Files are read here, whole or mapped, folders are listed, and errors name the path, the byte, what stands there and
// what was expected. Only regular files are read: a FIFO or a device has no fixed content, and opening one may wait for
// ever. Nothing in data/ writes a file: encoders return bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::data {

using Path = std::filesystem::path;
using Bytes = std::vector<uint8_t>;

// What a path is for decides whose mistake a failure is: an input that is not there (66) or an output that is refused
// (73).
enum class Use { input, output };

// Throws for a system call that failed with errno `error`: "<doing> <path>: <reason>; <what to do>". The one table from
// errno to exit code (docs/exit-codes.md): names and permissions 66 or 73 by `use`, memory 71, everything else 74.
[[noreturn]] void fail_system(Use use, std::string_view doing, const Path& path, int error);

// The whole file. Error: input_missing (no such file, not a regular one), corrupt_data (longer than `limit` bytes), io.
Bytes read_file(const Path& path, int64_t limit = int64_t(16) << 30);
std::string read_text(const Path& path, int64_t limit = int64_t(16) << 30);

// False where nothing is; what cannot be looked at (no permission, a failing disk) is an error of fail_system.
bool file_exists(const Path& path, Use use = Use::input);
bool is_folder(const Path& path, Use use = Use::input);

// What lies in a folder, in byte order of the names. Errors as fail_system's.
std::vector<Path> list_folder(const Path& folder, Use use = Use::input);

// A file's bytes, read from disk when they are first used; valid while the owner lives.
struct MappedFile {
  std::span<const uint8_t> bytes;
  std::shared_ptr<const void> owner;
};
MappedFile map_file(const Path& path);  // Error: input_missing, io, out_of_memory

// Throws corrupt_data: "<path>: byte <offset>: found <found>, expected <expected>. <what to do>".
[[noreturn]] void fail_at(const Path& path, int64_t offset, const std::string& found, const std::string& expected);

// What a folder holds, for a message: "a.txt, b/, ... (12)"; "nothing". Of a path that is none: empty.
std::string contents_of(const Path& folder);

// What find_folder throws where none of the files is: another kind of folder, or no folder.
struct OtherFolder : Error {
  using Error::Error;
};

// The first of `dir` and its `subfolders` that holds one of `files`; it must hold all of them. An empty `dir` or a
// missing file is input_missing, and the message lists what is expected where and `source` (where to get it).
Path find_folder(const std::string& dataset, const Path& dir, const std::vector<std::string>& subfolders,
                 const std::vector<std::string>& files, const std::string& source);

// XXH3-64 over everything added, as 16 hexadecimal digits: tells whether two runs read the same data.
class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();
  void add(std::span<const uint8_t> bytes);
  void add(std::string_view text);
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crc::data
