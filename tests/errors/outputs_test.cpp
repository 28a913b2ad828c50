// What a user has is never replaced: every command that writes a file that the user names, against everything that can
// stand there already.
#include <sys/stat.h>

#include "data/png.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

// A command with {} for the file's path; `file` is what it writes there, where the name is not free.
struct Writer {
  std::string command, file;
};

class OutputFiles : public Outside {
 protected:
  OutputFiles() {
    std::ofstream(folder + "/in.png") << "any";
    std::ofstream(folder + "/w") << "any";
  }
  std::vector<Writer> writers() const {
    std::vector<Writer> all{
        {kTrain + " eval --weights w --logits {}", "x"},
        {kTrain + " eval --weights w --features {}", "x"},
        {kTrain + " export w {}", "x"},
        {kTrain + " data preview {}", "x.png"},
        {kTrain + " data augment --op identity in.png {}", "x.png"},
        {kTrain + " sweep figure1 --out s --slurm {}", "x"},
        {kTrain + " rank-barrier --out {}", "x.png"},
        {kTrain + " compare a --record {}", "x"},
        {kTrain + " compare a --page {}", "x"},
        {kTrain + " compare a --out .", "pairs.csv"},
        {kSelect + " --features w --budget 2 --out {}", "x.csv"},
        {kSelect + " --features w --budget 2 --out o.csv --scores {}", "x"},
        {kSelect + " --features w --budget 2 --out o.csv --groups {}", "x"},
        {kSelect + " --features w --budget 2 --out o.csv --summary {}", "x.html"},
    };
    for (const char* file : {"data_batch_1.bin", "data_batch_5.bin", "test_batch.bin", "batches.meta.txt", "meta.csv"})
      all.push_back({kTrain + " data make . --set data.train_size=20 --set data.test_size=5", file});
    for (const char* file : {"report.html", "table.md", "table.csv", "accuracy.png"}) {
      all.push_back({kTrain + " report a --out .", file});
      all.push_back({kTrain + " report a b", std::string("report/") + file});
    }
    if (fs::exists(kBench)) {
      all.push_back({kBench + " --quick --device cpu --json {}", "x"});
      all.push_back({kBench + " --device cpu --dump-step {}", "x"});
    }
    return all;
  }
  Outcome write(const Writer& writer, const std::string& more = "") const {
    std::string command = writer.command;
    if (const size_t at = command.find("{}"); at != command.npos) command.replace(at, 2, writer.file);
    return shell("cd " + folder + "; exec " + command + more);
  }
  void expect_refused(const Writer& writer, const std::string& more, int code, const std::string& words) const {
    const Outcome o = write(writer, more);
    EXPECT_EQ(o.code, code) << writer.command << more << "\n" << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << writer.command << more << "\n" << o.words;
  }
};

TEST_F(OutputFiles, WhatExistsStaysInEveryCommand) {
  fs::create_directory(folder + "/report");
  for (const Writer& writer : writers()) {
    const std::string path = folder + "/" + writer.file;
    std::ofstream(path) << "mine";
    expect_refused(writer, "", 73, "exists; name another file, or give --force to replace it");
    EXPECT_EQ(read(path), "mine") << writer.command;
    fs::remove(path);
    fs::create_symlink("nowhere", path);
    expect_refused(writer, "", 73, "exists");
    EXPECT_TRUE(fs::is_symlink(path)) << writer.command;
    fs::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    expect_refused(writer, " --force", 73, "is a folder, a pipe or a device");
    EXPECT_TRUE(fs::is_fifo(path)) << writer.command;
    fs::remove(path);
  }
  EXPECT_FALSE(fs::exists(folder + "/s")) << "a refused sweep is not begun";
}

TEST_F(OutputFiles, AnInputIsNoOutputByWhateverName) {
  const std::string command = " --force";
  fs::create_directory(folder + "/d");
  fs::create_symlink("w", folder + "/link.npy");
  fs::create_symlink(".", folder + "/here");
  fs::create_hard_link(folder + "/w", folder + "/hard.npy");
  for (const char* name : {"w", "link.npy", "hard.npy", "d/../w", "here/w"})
    for (const std::string& start :
         {kTrain + " eval --weights w --logits {}", kTrain + " export w {}",
          kTrain + " data augment --op identity w {}", kSelect + " --features w --budget 2 --out o.csv --scores {}",
          kSelect + " --features no --labeled w --budget 2 --out {}", kTrain + " sweep w --out s --slurm {}"})
      expect_refused({start, name}, " --force", 64, "is an input; name another file for the output");
  std::ofstream(folder + "/d/test_batch.bin") << "data";
  expect_refused({kTrain + " eval --weights w --data d --logits {}", "d/test_batch.bin"}, " --force", 64,
                 "d/test_batch.bin lies in d, which is an input");
  expect_refused({kTrain + " eval --weights w --data here/d --logits {}", "d/test_batch.bin"}, " --force", 64,
                 "lies in");
  expect_refused({kTrain + " data preview --set data.dir=d {}", "d/test_batch.bin"}, " --force", 64, "lies in");
  EXPECT_EQ(read(folder + "/w"), "any");
  EXPECT_EQ(read(folder + "/d/test_batch.bin"), "data");
}

TEST_F(OutputFiles, TwoOutputsHaveTwoFiles) {
  fs::create_symlink(".", folder + "/here");
  expect_refused({kTrain + " eval --weights w --logits a.npy --features {}", "a.npy"}, "", 64, "named for two outputs");
  expect_refused({kTrain + " eval --weights w --logits a.npy --features {}",
                  "here/../" + fs::path(folder).filename().string() + "/a.npy"},
                 "", 64, "named for two outputs");
  expect_refused({kTrain + " eval --weights w --logits a.npy --features {}", "here/a.npy"}, "", 64, "two outputs");
  expect_refused({kSelect + " --features no --budget 2 --out a.csv --scores {}", "./a.csv"}, "", 64, "two outputs");
}

TEST_F(OutputFiles, ForceReplacesAFile) {
  write_file(folder + "/p.png", data::encode_png({2, 2, std::vector<uint8_t>(12, 7)}));
  const Writer augment{kTrain + " data augment --op identity p.png {}", "x.png"};
  std::ofstream(folder + "/x.png") << "mine";
  EXPECT_EQ(write(augment, " --force").code, 0);
  EXPECT_EQ(data::read_png(folder + "/x.png").pixels, std::vector<uint8_t>(12, 7));
  expect_refused({augment.command, "no/x.png"}, "", 73, "no is not a folder; create it first");
}

TEST_F(OutputFiles, AReportIsMadeAgainWhereItWasMade) {
  const std::string small =
      " --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set data.train_size=200 --set data.test_size=20 --set "
      "acquisition.rounds=0 --set run.device=cpu --quiet";
  for (const char* name : {"a", "b"}) ASSERT_EQ(write({kTrain + " run demo --out {}", name}, small).code, 0);
  const Writer own{kTrain + " report a", ""}, both{kTrain + " report a b", ""};
  EXPECT_EQ(write(own).code, 0);
  EXPECT_EQ(write(own).code, 0) << "in its own directory";
  EXPECT_EQ(write(both).code, 0);
  EXPECT_EQ(write(both).code, 0) << "report/ holds an earlier report";
  std::ofstream(folder + "/report/report.html") << "mine";
  EXPECT_EQ(write(both).code, 73);
  EXPECT_EQ(read(folder + "/report/report.html"), "mine");
  EXPECT_EQ(write(both, " --force").code, 0);
  expect_refused(both, " --out a", 73, "a/report.html exists");
}

TEST_F(OutputFiles, DataMakeIsRepeatedAfterAFullDiskOrAKill) {
  const Writer make{kTrain + " data make set --set data.train_size=50 --set data.test_size=10", ""};
  for (const char* fault : {"write:1:enospc", "write:4:enospc", "fsync:6:eio", "rename:1:enospc"}) {
    ASSERT_EQ(setenv("CRC_FAULT", fault, 1), 0);
    expect_refused(make, "", 74, "run again");
    unsetenv("CRC_FAULT");
    EXPECT_TRUE(fs::is_empty(folder + "/set")) << fault;
  }
  for (const char* fault : {"write:5:torn", "rename:1:kill"}) {
    ASSERT_EQ(setenv("CRC_FAULT", fault, 1), 0);
    EXPECT_EQ(write(make).code, 128 + SIGKILL) << fault;
    unsetenv("CRC_FAULT");
  }
  EXPECT_EQ(write(make).code, 0);
  int64_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder + "/set")) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 9);
}

// The temporary files of the dead go with the next commit beside them, whatever their process number was.
TEST_F(OutputFiles, WhatAKilledCommandLeftIsRemovedByTheNext) {
  write_file(folder + "/p.png", data::encode_png({2, 2, std::vector<uint8_t>(12, 7)}));
  const Writer augment{kTrain + " data augment --op identity p.png {}", std::string(251, 'x') + ".png"};
  std::ofstream(folder + "/.mine.tmp") << "";
  const size_t before = size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  setenv("CRC_FAULT", "rename:1:kill", 1);
  EXPECT_EQ(write(augment).code, 128 + SIGKILL);
  unsetenv("CRC_FAULT");
  EXPECT_EQ(size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator())), before + 1);
  EXPECT_EQ(write(augment).code, 0);
  EXPECT_EQ(size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator())), before + 1);
  EXPECT_TRUE(fs::exists(folder + "/" + augment.file));
  EXPECT_TRUE(fs::exists(folder + "/.mine.tmp"));
}

}  // namespace
}  // namespace crc::test
