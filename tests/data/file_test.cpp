#include "data/file.h"

#include <cerrno>

#include "data/utf8.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

TEST(FileErrors, OneTableForInputsAndOutputs) {
  const struct {
    int error;
    ExitCode input, output;
  } table[] = {{ENOENT, ExitCode::input_missing, ExitCode::output_refused},
               {ENOTDIR, ExitCode::input_missing, ExitCode::output_refused},
               {EISDIR, ExitCode::input_missing, ExitCode::output_refused},
               {EACCES, ExitCode::input_missing, ExitCode::output_refused},
               {EPERM, ExitCode::input_missing, ExitCode::output_refused},
               {ELOOP, ExitCode::input_missing, ExitCode::output_refused},
               {ENAMETOOLONG, ExitCode::input_missing, ExitCode::output_refused},
               {EEXIST, ExitCode::input_missing, ExitCode::output_refused},
               {EROFS, ExitCode::input_missing, ExitCode::output_refused},
               {EIO, ExitCode::io, ExitCode::io},
               {ENOSPC, ExitCode::io, ExitCode::io},
               {EDQUOT, ExitCode::io, ExitCode::io},
               {EFBIG, ExitCode::io, ExitCode::io},
               {EMFILE, ExitCode::io, ExitCode::io},
               {ENFILE, ExitCode::io, ExitCode::io},
               {ESTALE, ExitCode::io, ExitCode::io},
               {ENOMEM, ExitCode::out_of_memory, ExitCode::out_of_memory}};
  for (const auto& row : table) {
    const std::string reason = std::generic_category().message(row.error);
    expect_error([&] { fail_system(Use::input, "reading", "some/file", row.error); }, row.input,
                 {"reading some/file: " + reason + "; "});
    expect_error([&] { fail_system(Use::output, "writing", "some/file", row.error); }, row.output,
                 {"writing some/file: " + reason + "; "});
  }
}

TEST(FileErrors, FoldersAreListedInByteOrder) {
  const TempDir dir;
  for (const char* name : {"b", "a", "C", "\xff", ".h"}) write_file(dir / name, "");
  std::string names;
  for (const Path& path : list_folder(dir.path())) names += path.filename().native() + " ";
  EXPECT_EQ(names, ".h C a b \xff ");
  expect_error([&] { list_folder(dir / "none"); }, ExitCode::input_missing, {"listing", "none"});
  expect_error([&] { list_folder(dir / "a", Use::output); }, ExitCode::output_refused, {"listing", "a"});
  EXPECT_FALSE(file_exists(dir / "none"));
  EXPECT_FALSE(file_exists(dir / "a/below"));
  EXPECT_TRUE(file_exists(dir.path()));
  EXPECT_TRUE(is_folder(dir.path()));
  EXPECT_FALSE(is_folder(dir / "a"));
  expect_error([&] { file_exists(dir / std::string(300, 'n')); }, ExitCode::input_missing, {"too long"});
}

TEST(FileErrors, FilesOfProcHaveNoSizeAndAreRead) {
  EXPECT_FALSE(read_text("/proc/self/status").empty());
  expect_error([] { read_text("/proc/self/status", 10); }, ExitCode::corrupt_data, {"at most 10 bytes"});
}

TEST(Utf8, AcceptsWhatTheStandardDoes) {
  for (const char* good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\xe9", "caf\xe9", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x80", "\xe2\x82"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

}  // namespace
}  // namespace crc::test
