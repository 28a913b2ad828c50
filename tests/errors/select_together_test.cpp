// crc_select as several processes, joined by sockets as MPI would join them: equal picks, one voice, one exit code, and
// an end in every case.
#include "apps/ranks/together.h"
#include "tests/errors/together_fixture.h"

namespace crc::test {
namespace {

// What the groups will take is said once the first are scored, alone and together; a stop ends it.
TEST_F(SelectTogether, ALongSearchSaysWhatItTakes) {
  const std::string search = program(
      "--threads 1 --features h0.npy h1.npy h2.npy --labeled l.npy --budget 4 --group 4 --search independent --draws "
      "50000000 --out p.csv");
  const std::string until_said = "sh -c '" + search +
                                 " & pid=$!; until grep -q \"groups of 4\" words0; do kill -0 $pid || break; sleep "
                                 "0.05; done; kill -INT $pid; wait $pid'";
  const std::string said = "crc: 50000000 groups of 4, about ", together_words = " a second in 2 processes, with what ";
  const Ended alone = together({until_said});
  EXPECT_EQ(alone.codes[0], 75) << alone.words[0];
  EXPECT_NE(alone.words[0].find(said), std::string::npos) << alone.words[0];
  EXPECT_EQ(alone.words[0].find(together_words), std::string::npos) << alone.words[0];
  const Ended two = together({until_said, search});
  EXPECT_EQ(two.codes, (std::vector<int>{75, 70})) << two.words[0] << two.words[1];  // the other misses it
  EXPECT_NE(two.words[0].find(said), std::string::npos) << two.words[0];
  EXPECT_NE(two.words[0].find(together_words), std::string::npos) << two.words[0];
  EXPECT_EQ(two.words[1], "") << "only rank 0 speaks";
}

TEST_F(SelectTogether, ThePicksAreThoseOfOneProcess) {
  for (const char* what :
       {"--acquisition crc --group 3 --budget 6", "--acquisition crc --search exchange --budget 3",
        "--acquisition crc --search independent --draws 90 --group 2 --budget 4", "--acquisition entropy --budget 5",
        "--acquisition margin --budget 5 --class-weights 1,2,3,1", "--acquisition random --budget 7 --quota 3",
        "--acquisition coreset --budget 6 --quota 3", "--acquisition kmeans --budget 3"}) {
    const std::string alone = selected(many + what + " --scores s1.npy --summary s1.html"), scores = read("s1.npy");
    for (int size : {2, 3}) {
      expect_all(together(size, many + what + " --force --out t.csv --scores s.npy --summary s.html"), 0,
                 "wrote t.csv s.npy s.html");
      EXPECT_EQ(read("t.csv"), alone) << what;
      EXPECT_EQ(read("s.npy"), scores) << what;
    }
  }
  expect_all(together(3, many + "--budget 2 --force --out t.csv"), 0, "3 processes; this one sent");
}

// Those that measure pairs of rows, and what picks stand for.
TEST_F(SelectTogether, SoAreThoseThatLookAtAllPairs) {
  for (const char* what :
       {"--acquisition badge --budget 5", "--acquisition egl_last --budget 5", "--acquisition maxherding --budget 5",
        "--acquisition uherding --budget 5", "--acquisition facility_location --budget 4 --class-weights 1,2,3,1",
        "--acquisition probcover --budget 4 --partitions 2", "--acquisition dcom --budget 4 --labels classes.npy",
        "--acquisition rdss --budget 4 --quota 2", "--acquisition typiclust --budget 5 --per-cluster 3"}) {
    const std::string with = many + what + " --summary s.html --represents ";
    const std::string alone = selected(with + "r.csv"), nearest = read("r.csv");
    expect_all(together(3, with + "r3.csv --force --out t.csv"), 0, "wrote t.csv r3.csv s.html");
    EXPECT_EQ(read("t.csv"), alone) << what;
    EXPECT_EQ(read("r3.csv"), nearest) << what;
  }
}

// The same rows twice are copies of each other, wherever they lie.
TEST_F(SelectTogether, ShardsOfTheSameRowsAreCopies) {
  const std::string twice = "--features h0.npy h1.npy h1.npy h2.npy --labeled l.npy --classes 4 --budget 6 ";
  for (const char* what : {"--acquisition crc --group 3", "--acquisition coreset", "--acquisition rdss"}) {
    const std::string alone = selected(twice + what);
    expect_all(together(3, twice + what + " --force --out t.csv"), 0, "wrote t.csv");
    EXPECT_EQ(read("t.csv"), alone) << what;
  }
}

TEST_F(SelectTogether, WhatCannotBeSharedIsRefused) {
  expect_all(together(3, many + "--budget 4 --acquisition bait --out t.csv"), 78,
             "acquisition \"bait\" takes no pool in several processes; these do: random, entropy, confidence, margin");
  expect_all(together(2, many + "--budget 4 --acquisition bald --out t.csv"), 78,
             "\"bald\" needs all samples in one memory");
  expect_all(together(2, many + "--budget 4 --acquisition galaxy --out t.csv"), 78,
             "\"galaxy\" needs all rows in one memory");
  expect_all(together(2, many + "--budget 4 --groop 3 --out t.csv"), 64, "--groop");
  EXPECT_FALSE(exists("t.csv"));
}

TEST_F(SelectTogether, OnlyOneAnswersQuestionsAndReadsOutputs) {
  const Ended help = together(2, "--help");
  expect_all(help, 0, "--acquisition");
  write_text("t.csv", "mine");
  expect_all(together(3, many + "--budget 4 --out t.csv"), 73, "t.csv");
  EXPECT_EQ(read("t.csv"), "mine");
}

TEST_F(SelectTogether, AShardThatIsWrongEndsAll) {
  write<float>("wide.npy", features, {kItems, kWidth});
  write<float>("h1.npy", std::vector<float>(34 * (kWidth + 1)), {34, kWidth + 1});
  expect_all(together(3, many + "--budget 4 --out t.csv"), 65, "all of one width");
  const std::string whole = read("h2.npy");
  write<float>("h1.npy", {features.begin() + 7 * kWidth, features.begin() + 41 * kWidth}, {34, kWidth});
  write_text("h2.npy", whole.substr(0, whole.size() - 8));
  expect_all(together(3, many + "--budget 4 --out t.csv"), 65, "h2.npy");
  EXPECT_FALSE(exists("t.csv"));
}

// What one process alone meets, wherever it is then.
TEST_F(SelectTogether, OneThatFailsEndsAllWithItsWords) {
  const std::string good = many + "--budget 4 --out t.csv";
  expect_all(together({good, "--features none.npy --budget 4 --out t.csv", good}), 66,
             "process 1 of 3: reading none.npy: No such file");
  std::vector<float> damaged(features);
  damaged[size_t(55 * kWidth + 2)] = NAN;
  write<float>("h2.npy", {damaged.begin() + 41 * kWidth, damaged.end()}, {kItems - 41, kWidth});
  expect_all(together(3, good), 76, "process 2 of 3: features of item 55 are not finite: column 2 is nan");
  expect_all(together(3, good + " --acquisition coreset"), 76, "features of item 55 are not finite");
  EXPECT_FALSE(exists("t.csv"));
}

TEST_F(SelectTogether, AFullDiskIsToldToAll) {
  const std::string good = many + "--budget 4 --out t.csv --scores s.npy";
  setenv("CRC_FAULT", "write:1:enospc", 1);
  expect_all(together(3, good), 74, "No space left");
  unsetenv("CRC_FAULT");
  EXPECT_FALSE(exists("t.csv"));
  EXPECT_FALSE(exists("s.npy"));
}

TEST_F(SelectTogether, OneThatDiesIsNamed) {
  const std::string good = many + "--budget 4 --out t.csv";
  const Ended ended = together({good, good, "kill -9 $$"});
  EXPECT_EQ(ended.codes[0], 70) << ended.words[0];
  EXPECT_EQ(ended.codes[1], 70);
  EXPECT_NE(ended.words[0].find("process 2 of 3 ended before the work was done"), std::string::npos) << ended.words[0];
  EXPECT_FALSE(exists("t.csv"));
}

// In the middle of a minute's work.
TEST_F(SelectTogether, OneThatIsKilledAtWorkIsNamed) {
  constexpr int64_t kMany = 20000;
  std::vector<float> rows;
  for (int64_t k = 0; k < kMany * kWidth; ++k)
    rows.push_back(features[size_t(k * 7 % (kItems * kWidth))] + float(k % 11));
  write<float>("many.npy", rows, {kMany, kWidth});
  const std::string work = "--acquisition kmeans --features many.npy --budget 9000 --out t.csv";
  const Ended ended = together({work, work, "timeout -s KILL 0.4 " + program("--threads 1 " + work)});
  EXPECT_EQ(ended.codes[0], 70) << ended.words[0];
  EXPECT_EQ(ended.codes[1], 70);
  EXPECT_NE(ended.words[0].find("process 2 of 3 ended before the work was done"), std::string::npos) << ended.words[0];
  EXPECT_FALSE(exists("t.csv"));
}

// Rank 0 had written everything by then: that stands, and is said.
TEST_F(SelectTogether, OneThatDiesAfterTheWorkTakesNothingAway) {
  const auto mesh = apps::socket_mesh(2);
  const pid_t other = fork();
  if (other == 0) _exit(9);
  for (int fd : mesh[1])
    if (fd >= 0) close(fd);
  setenv("CRC_RANKS", ("0:-1," + std::to_string(mesh[0][1])).c_str(), 1);
  bool worked = false;
  testing::internal::CaptureStderr();
  const int code = apps::run_together("crc_select", [&](Ranks&) { worked = true; });
  const std::string words = testing::internal::GetCapturedStderr();
  unsetenv("CRC_RANKS");
  EXPECT_EQ(code, 0) << words;
  EXPECT_TRUE(worked);
  EXPECT_NE(words.find("another process was lost at the very end, when everything had been written"), words.npos);
  EXPECT_EQ(waitpid(other, nullptr, 0), other);
}

TEST_F(SelectTogether, LaunchersWithoutMpiAreNamed) {
  const auto started = [&](const std::string& variables) {
    return shell("cd " + folder + "; exec env " + variables + program(many + "--budget 4 --force --out t.csv"));
  };
  const std::string mpi = "CRC_MPI_ADAPTER=/none.so OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=";
  const Outcome first = started(mpi + "0"), second = started(mpi + "1");
  EXPECT_EQ(first.code, 69) << first.words;
  EXPECT_NE(first.words.find("this is one of 3 processes, and there is no adapter to their MPI (/none.so"),
            std::string::npos)
      << first.words;
  EXPECT_EQ(second.code, 69);
  EXPECT_EQ(second.words, "");
  const Outcome slurm = started("SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0");
  EXPECT_EQ(slurm.code, 69);
  EXPECT_NE(slurm.words.find("srun --mpi=pmix"), std::string::npos) << slurm.words;
  EXPECT_EQ(started("SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0 CRC_RANKS=off").code, 0);
  EXPECT_EQ(started("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0").code, 0) << "one process needs nothing";
  EXPECT_EQ(started("CRC_RANKS=both").code, 64);
}

}  // namespace
}  // namespace crc::test
