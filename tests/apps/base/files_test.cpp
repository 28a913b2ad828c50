#include "apps/base/files.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <fstream>

#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

const std::string kOld(100'000, 'o'), kNew(3'000'000, 'n');  // several pieces of write(2)

int temporaries(const fs::path& directory) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(directory)) count += is_temporary(entry.path());
  return count;
}

TEST(Files, CommitReplacesWhole) {
  ScratchDir dir;
  commit_file(dir / "a", kOld);
  EXPECT_EQ(read_file(dir / "a"), kOld);
  commit_file(dir / "a", kNew);
  EXPECT_EQ(read_file(dir / "a"), kNew);
  commit_file(dir / "a", "");
  EXPECT_EQ(read_file(dir / "a"), "");
  EXPECT_EQ(temporaries(dir.path()), 0);
}

// R2: whichever call the process dies in, the file is the old one or the new one.
TEST(Files, KilledAtEveryCallOfACommit) {
  ScratchDir dir;
  const int64_t calls = count_io([&] { commit_file(dir / "a", kNew); });
  ASSERT_EQ(calls, 8);  // open, 3 writes, fsync, rename, open and fsync of the directory
  for (const char* action : {"kill", "torn"}) {
    bool old_seen = false, new_seen = false;
    for (int64_t k = 1; k <= calls; ++k) {
      commit_file(dir / "a", kOld);
      const auto ending = in_child("any:" + std::to_string(k) + ":" + action, [&] { commit_file(dir / "a", kNew); });
      EXPECT_TRUE(ending.killed);
      const std::string content = read_file(dir / "a");
      EXPECT_TRUE(content == kOld || content == kNew) << action << " at call " << k;
      old_seen |= content == kOld;
      new_seen |= content == kNew;
      remove_stale_temporaries(dir.path());
      EXPECT_EQ(temporaries(dir.path()), 0);
    }
    EXPECT_TRUE(old_seen);
    EXPECT_TRUE(new_seen);
  }
}

// R3: an error at whichever call is reported as 74, leaves old or new, and no litter.
TEST(Files, FailureAtEveryCallOfACommit) {
  ScratchDir dir;
  const int64_t calls = count_io([&] { commit_file(dir / "a", kNew); });
  for (const char* action : {"enospc", "eio"}) {
    for (int64_t k = 1; k <= calls; ++k) {
      commit_file(dir / "a", kOld);
      const auto ending = in_child("any:" + std::to_string(k) + ":" + action, [&] { commit_file(dir / "a", kNew); });
      EXPECT_EQ(ending.code, 74) << action << " at call " << k;
      const std::string content = read_file(dir / "a");
      EXPECT_TRUE(content == kOld || content == kNew) << action << " at call " << k;
      EXPECT_EQ(temporaries(dir.path()), 0);
    }
  }
}

TEST(Files, ShortWritesAreContinued) {
  ScratchDir dir;
  for (int k = 1; k <= 4; ++k) {
    const auto ending = in_child("write:" + std::to_string(k) + ":short", [&] { commit_file(dir / "a", kNew); });
    EXPECT_EQ(ending.code, 0);
    EXPECT_EQ(read_file(dir / "a"), kNew);
  }
}

TEST(Files, AFailedAppendLeavesTheFileAsItWas) {
  ScratchDir dir;
  commit_file(dir / "log", "one\n");
  for (const char* fault : {"open:1:eio", "write:1:enospc", "fsync:1:eio"}) {
    EXPECT_EQ(in_child(fault, [&] { append_text(dir / "log", "two\n"); }).code, 74) << fault;
    EXPECT_EQ(read_file(dir / "log"), "one\n") << fault;
  }
  EXPECT_TRUE(in_child("write:1:torn", [&] { append_text(dir / "log", "two\n"); }).killed);
  EXPECT_EQ(read_file(dir / "log"), "one\ntw");
  expect_error(ExitCode::output_refused, {"No such file"}, [&] { append_text(dir / "absent", "x"); });
}

TEST(Files, MessagesNameThePathAndTheReason) {
  ScratchDir dir;
  arm_fault("write:1:enospc");
  expect_error(ExitCode::io, {(dir / "a").string(), "No space left on device", "free some space"},
               [&] { commit_file(dir / "a", "x"); });
  arm_fault("");
  expect_error(ExitCode::input_missing, {"absent", "No such file"}, [&] { read_file(dir / "absent"); });
  expect_error(ExitCode::output_refused, {"gone"}, [&] { commit_file(dir / "gone" / "a", "x"); });
  commit_file(dir / "a", "12345");
  expect_error(ExitCode::corrupt_data, {"5 bytes", "at most 4 bytes"}, [&] { read_file(dir / "a", 4); });
  expect_error(ExitCode::output_refused, {}, [&] { make_directories(dir / "a"); });
}

TEST(Files, FaultSpecIsChecked) {
  for (const char* bad : {"write", "write:1", "write:0:kill", "write:x:kill", "read:1:kill", "write:1:explode"}) {
    expect_error(ExitCode::usage, {bad, "op:k:action"}, [&] { arm_fault(bad); });
  }
}

TEST(Files, StaleTemporariesOfTheLivingStay) {
  ScratchDir dir;
  for (const char* dead : {".crc-0123456789abcdef.tmp", ".a.tmp.1.1", ".a.tmp.4194999.12"}) commit_file(dir / dead, "");
  for (const char* foreign : {".crc-.tmp", ".crc-0123456789abcdeg.tmp", "a.tmp.1.1", ".a.tmp.1.x", ".tmp.1", ".a.tmp."})
    commit_file(dir / foreign, "mine");
  {
    const StagedFile staged(dir / "a", kNew);  // of this process, or as good as of another
    EXPECT_EQ(remove_stale_temporaries(dir.path(), /*earlier=*/false), 1);
    EXPECT_EQ(remove_stale_temporaries(dir.path()), 2);
    EXPECT_EQ(temporaries(dir.path()), 1);
  }
  EXPECT_EQ(temporaries(dir.path()), 0);
  EXPECT_EQ(list_folder(dir.path()).size(), 6u);
}

TEST(Files, TwoProcessesCommitAtOnceAndSweepUp) {
  ScratchDir dir;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    for (int i = 0; i < 20; ++i) {
      commit_file(dir / (child == 0 ? "a" : "b"), "x");
      remove_stale_temporaries(dir.path());
    }
    if (child == 0) ::_exit(0);
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(list_folder(dir.path()).size(), 2u);
}

TEST(Files, PublishReplacesNothingUnlessAsked) {
  ScratchDir dir;
  StagedFile staged(dir / "a", kNew), other(dir / "a", kOld);
  staged.publish(Existing::refuse);
  expect_error(ExitCode::output_refused, {(dir / "a").string(), "File exists"},
               [&] { other.publish(Existing::refuse); });
  EXPECT_EQ(read_file(dir / "a"), kNew);
  other.publish();
  EXPECT_EQ(read_file(dir / "a"), kOld);
  EXPECT_EQ(temporaries(dir.path()), 0);
}

TEST(Files, TooManyOpenFilesIs74) {
  ScratchDir dir;
  commit_file(dir / "a", kOld);
  const auto few = [&](const std::function<void()>& action) {
    return in_child("",
                    [&] {
                      const rlimit limit{.rlim_cur = 3, .rlim_max = 3};
                      ::setrlimit(RLIMIT_NOFILE, &limit);
                      action();
                    })
        .code;
  };
  EXPECT_EQ(few([&] { read_file(dir / "a"); }), 74);
  EXPECT_EQ(few([&] { commit_file(dir / "a", kNew); }), 74);
  EXPECT_EQ(few([&] { data::map_file(dir / "a"); }), 74);
  EXPECT_EQ(few([&] { list_folder(dir.path()); }), 74);
}

// R4: a real full disk.
TEST(Files, FullDisk) {
  ScratchDir dir;
  if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=256k") != 0) {
    GTEST_SKIP() << "FullDisk needs the right to mount a tmpfs";
  }
  commit_file(dir / "a", kOld);
  const std::string line(80'000, 'x');
  commit_file(dir / "log", "");
  append_text(dir / "log", line);
  expect_error(ExitCode::io, {"No space left on device"}, [&] { commit_file(dir / "a", kNew); });
  EXPECT_EQ(read_file(dir / "a"), kOld);
  EXPECT_EQ(temporaries(dir.path()), 0);
  expect_error(ExitCode::io, {"No space left on device"}, [&] { append_text(dir / "log", line); });
  EXPECT_EQ(read_file(dir / "log"), line);
  ::umount(dir.path().c_str());
}

TEST(Files, FileSizeLimitIsAnErrorNotADeath) {
  ScratchDir dir;
  const auto ending = in_child("", [&] {
    ignore_write_signals();
    const rlimit limit{.rlim_cur = 1'000'000, .rlim_max = 1'000'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    commit_file(dir / "a", kNew);
  });
  EXPECT_EQ(ending.code, 74);
  EXPECT_EQ(temporaries(dir.path()), 0);
}

TEST(Files, UnwritableIs73) {
  if (::geteuid() != 0) {
    ScratchDir dir;
    fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
    expect_error(ExitCode::output_refused, {"Permission denied"}, [&] { commit_file(dir / "a", "x"); });
    fs::permissions(dir.path(), fs::perms::owner_all);
  }
  expect_error(ExitCode::output_refused, {}, [&] { commit_file("/proc/crc-test", "x"); });
}

TEST(Files, ChecksumIsXxh3) { EXPECT_EQ(checksum(""), "99aa06d3014798d86001c324468d497f"); }  // published vector

}  // namespace
}  // namespace crc::apps::test
