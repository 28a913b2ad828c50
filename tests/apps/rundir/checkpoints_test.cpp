#include "apps/rundir/checkpoints.h"

#include <gmock/gmock.h>

#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

CheckpointInfo at(int64_t round, int64_t step, bool round_end = false) {
  return {.round = round, .step = step, .round_end = round_end, .ledger_head = "h", .config_hash = "c"};
}

std::vector<std::string> files_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Four {  // steps 1 to 4 of round 0
  ScratchDir dir;
  Four() {
    Checkpoints::create(dir.path());
    Checkpoints checkpoints(dir.path());
    for (int step = 1; step <= 4; ++step) checkpoints.save(at(0, step), "payload " + std::to_string(step));
  }
  fs::path file(int step) { return dir / ("round-00-step-00000000" + std::to_string(step) + ".safetensors"); }
};

TEST(Checkpoints, KeepsTheNewestThreeAndRoundEnds) {
  ScratchDir dir;
  Checkpoints::create(dir.path());
  Checkpoints checkpoints(dir.path());
  for (int round = 0; round < 2; ++round) {
    for (int step = 1; step <= 5; ++step) checkpoints.save(at(round, step, step == 5), "x");
  }
  EXPECT_EQ(files_in(dir.path()), (std::vector<std::string>{"round-00-step-000000005", "round-01-step-000000003",
                                                            "round-01-step-000000004", "round-01-step-000000005"}));
  EXPECT_EQ(Checkpoints(dir.path()).size(), 4u);
}

TEST(Checkpoints, KeepsAsManyAsAreAskedFor) {
  for (const int64_t keep : {1, 2, 7}) {
    ScratchDir dir;
    Checkpoints::create(dir.path());
    Checkpoints checkpoints(dir.path(), keep);
    for (int round = 0; round < 2; ++round)
      for (int step = 1; step <= 5; ++step) {
        checkpoints.save(at(round, step, step == 5), "x");
        EXPECT_EQ(files_in(dir.path()).back(),
                  "round-0" + std::to_string(round) + "-step-00000000" + std::to_string(step));
      }
    const size_t newest = size_t(keep), ends = keep <= 5 ? 1 : 0;  // the end of round 0 is among seven
    EXPECT_EQ(files_in(dir.path()).size(), newest + ends);
    std::vector<std::string> notes;
    EXPECT_EQ(Checkpoints(dir.path(), 1).load_newest(notes)->info.step, 5);
    Checkpoints(dir.path(), 1).save(at(2, 1), "x");  // fewer from now on: the round ends stay
    EXPECT_EQ(files_in(dir.path()), (std::vector<std::string>{"round-00-step-000000005", "round-01-step-000000005",
                                                              "round-02-step-000000001"}));
  }
}

TEST(Checkpoints, NoneIsNotAnError) {
  ScratchDir dir;
  Checkpoints::create(dir.path());
  commit_file(dir / "round-00-step-000000001.safetensors", "saved, but killed before the index named it");
  std::vector<std::string> notes;
  EXPECT_FALSE(Checkpoints(dir.path()).load_newest(notes));
}

TEST(Checkpoints, FallsBackToTheNewestValidAndSaysSo) {
  Four four;
  commit_file(four.file(4), "payloae 4");  // same length, one bit off
  fs::resize_file(four.file(3), 5);
  std::vector<std::string> notes;
  Checkpoints checkpoints(four.dir.path());
  const auto found = checkpoints.load_newest(notes);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.step, 2);
  EXPECT_EQ(found->payload, "payload 2");
  ASSERT_EQ(notes.size(), 1u);
  for (const char* piece : {"000000004.safetensors has changed", "xxh3",
                            "000000003.safetensors has 5 bytes instead of 9", "going back to round 0, step 2"}) {
    EXPECT_THAT(notes[0], ::testing::HasSubstr(piece));
  }
  checkpoints.save(at(0, 3), "again 3");  // the abandoned future is gone
  EXPECT_EQ(Checkpoints(four.dir.path()).load_newest(notes)->payload, "again 3");
  EXPECT_EQ(files_in(four.dir.path()).size(), 2u);
}

TEST(Checkpoints, NoValidOneIsAnErrorNeverANewStart) {
  Four four;
  for (int step = 2; step <= 4; ++step) commit_file(four.file(step), "");
  std::vector<std::string> notes;
  expect_error(ExitCode::corrupt_data, {"No valid checkpoint is left", "step-000000002"},
               [&] { Checkpoints(four.dir.path()).load_newest(notes); });
}

// The copy stands in for it; without a copy, as runs of earlier versions have none, it is an error.
TEST(Checkpoints, ADamagedIndexIsAnError) {
  Four four;
  const std::string good = read_file(four.dir / "index.json");
  const auto with_copy = [&](const char* words) {
    std::vector<std::string> notes;
    const auto found = Checkpoints(four.dir.path()).load_newest(notes);
    EXPECT_EQ(found->payload, "payload 4");
    EXPECT_THAT(notes, ::testing::ElementsAre(::testing::HasSubstr(words)));
  };
  for (size_t length : {size_t(0), size_t(1), good.size() / 2, good.size() - 3}) {
    commit_file(four.dir / "index.json", good.substr(0, length));
    with_copy("index.json is damaged; ");
  }
  remove_file(four.dir / "index.json");
  with_copy("index.json is missing; ");
  {
    ScratchDir empty;
    Checkpoints::create(empty.path());
    fs::copy_file(empty / "index.json", four.dir / "index.json");
    with_copy("index.json was replaced by an older one; ");
  }
  remove_file(four.dir / "index-copy.json");
  for (size_t length : {size_t(0), size_t(1), good.size() / 2, good.size() - 3}) {
    commit_file(four.dir / "index.json", good.substr(0, length));
    expect_error(ExitCode::corrupt_data, {"index.json"}, [&] { Checkpoints(four.dir.path()); });
  }
  std::string elsewhere = good.substr(0, good.rfind(",\n \"xxh3\"")) + "\n}\n";  // as an earlier version wrote it
  elsewhere.replace(elsewhere.find("round-00"), 8, "../../xx");
  commit_file(four.dir / "index.json", elsewhere);
  expect_error(ExitCode::corrupt_data, {"directory"}, [&] { Checkpoints(four.dir.path()); });
  remove_file(four.dir / "index.json");
  expect_error(ExitCode::corrupt_data, {"index.json is missing"}, [&] { Checkpoints(four.dir.path()); });
}

TEST(Checkpoints, AnIndexThatLostItsCheckpointsIsAnError) {
  Four four;
  remove_file(four.dir / "index-copy.json");
  commit_file(four.dir / "index.json", "{\"schema\":1,\"checkpoints\":[]}");
  std::vector<std::string> notes;
  expect_error(ExitCode::corrupt_data, {"lists no checkpoint", "round-00-step-000000002.safetensors", "3 files"},
               [&] { Checkpoints(four.dir.path()).load_newest(notes); });
}

TEST(Checkpoints, TheSameEndOfARoundIsKeptOnce) {
  ScratchDir dir;
  Checkpoints::create(dir.path());
  for (int again = 0; again < 3; ++again) Checkpoints(dir.path()).save(at(0, 5, true), "the end");
  EXPECT_EQ(Checkpoints(dir.path()).size(), 1u);
  for (int again = 0; again < 6; ++again)  // as a GPU may end it
    Checkpoints(dir.path()).save(at(1, 5, true), "another end " + std::to_string(again));
  Checkpoints left(dir.path());
  EXPECT_EQ(files_in(dir.path()).size(), 4u) << "the newest three and the end of round 0";
  std::vector<std::string> notes;
  EXPECT_EQ(left.load_newest(notes)->payload, "another end 5");
}

// Saving the same step again, with other bytes, must not endanger the checkpoint that is there.
TEST(Checkpoints, AListedFileIsNeverOverwritten) {
  Four reference;
  const int64_t calls = count_io([&] { Checkpoints(reference.dir.path()).save(at(0, 4), "other bytes"); });
  for (int64_t k = 1; k <= calls; ++k) {
    Four four;
    in_child("any:" + std::to_string(k) + ":torn", [&] { Checkpoints(four.dir.path()).save(at(0, 4), "other bytes"); });
    std::vector<std::string> notes;
    const auto found = Checkpoints(four.dir.path()).load_newest(notes);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->info.step, 4);
    EXPECT_TRUE(found->payload == "payload 4" || found->payload == "other bytes");
    EXPECT_TRUE(notes.empty());
  }
}

}  // namespace
}  // namespace crc::apps::test
