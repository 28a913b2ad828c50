#include "apps/base/outputs.h"

#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

TEST(Outputs, WhatAppearsWhileTheWorkIsDoneStays) {
  ScratchDir dir;
  Outputs files({dir / "a", dir / "b"}, {});
  files.put(dir / "a", "one");
  commit_file(dir / "b", "mine");
  expect_error(ExitCode::output_refused, {"b exists", "--force"}, [&] { files.put(dir / "b", "two"); });
  remove_file(dir / "b");
  files.put(dir / "b", "two");
  commit_file(dir / "b", "mine");
  expect_error(ExitCode::output_refused, {"b exists"}, [&] { files.commit(); });
  EXPECT_EQ(read_file(dir / "b"), "mine");
  EXPECT_FALSE(file_exists(dir / "a")) << "all or none";
}

TEST(Outputs, AllOrNoneOfACommandsFiles) {
  ScratchDir dir;
  const auto write = [&] {
    Outputs files({dir / "a", dir / "b"}, {});
    files.put(dir / "a", "one");
    files.put(dir / "b", "two");
    files.commit();
  };
  for (const char* fault : {"open:2:eio", "write:2:enospc", "fsync:2:eio"}) {
    EXPECT_EQ(in_child(fault, write).code, 74) << fault;
    EXPECT_TRUE(list_folder(dir.path()).empty()) << fault;
  }
  write();
  EXPECT_EQ(read_file(dir / "b"), "two");
  EXPECT_EQ(list_folder(dir.path()).size(), 2u);
}

TEST(Outputs, FoldersAreMadeOnlyWhereTheyMayBe) {
  ScratchDir dir;
  expect_error(ExitCode::output_refused, {"is not a folder; create it first"},
               [&] { Outputs({dir / "no" / "a"}, {.force = true, .inputs = {}}); });
  Outputs files({dir / "x" / "y" / "a"}, {.force = false, .inputs = {}, .makes_folders = true});
  EXPECT_FALSE(file_exists(dir / "x"));
  files.put(dir / "x" / "y" / "a", "one");
  files.commit();
  EXPECT_EQ(read_file(dir / "x" / "y" / "a"), "one");
  expect_error(ExitCode::output_refused, {"is not a folder"},
               [&] { Outputs({dir / "x" / "y" / "a" / "b"}, {.force = false, .inputs = {}, .makes_folders = true}); });
}

TEST(Outputs, InputsThatAreKnownLater) {
  ScratchDir dir;
  commit_file(dir / "image.png", "mine");
  Outputs files({dir / "image.png", fs::path()}, {.force = true, .inputs = {fs::path()}});
  expect_error(ExitCode::usage, {"image.png is an input"}, [&] { files.protect({dir / "." / "image.png"}); });
  expect_error(ExitCode::usage, {"image.png is an input"}, [&] { files.put(dir / "image.png", "x"); });
}

}  // namespace
}  // namespace crc::apps::test
