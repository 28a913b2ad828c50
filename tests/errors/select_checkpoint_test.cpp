// crc_select --checkpoint from outside: killed at every moment at which it keeps something, alone and together, it goes
// on in any number of processes to the same picks; what is kept belongs to one selection.
#include <gmock/gmock.h>
#include <sys/file.h>

#include "tests/errors/together_fixture.h"

namespace crc::test {
namespace {

using ::testing::HasSubstr;

class SelectCheckpoint : public SelectTogether {
 protected:
  // A start that is killed when it gives the n-th file its name.
  Outcome killed_at(int n, const std::string& arguments) const {
    return shell("cd " + folder + "; CRC_FAULT=rename:" + std::to_string(n) + ":kill exec" + program(arguments));
  }
  // Killed with something kept: selection.json and its copy come first.
  void keep_some(const std::string& arguments) const {
    EXPECT_EQ(killed_at(4, arguments).code, 128 + SIGKILL);
    EXPECT_FALSE(kept().empty());
  }
  std::vector<std::string> kept() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder + "/ck"))
      if (entry.path().extension() == ".pass") names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  const std::string pool = many + "--threads 1 ", kept_in = "--checkpoint ck --out t.csv ";
};

TEST_F(SelectCheckpoint, AStartThatIsKilledAnywhereIsGoneOnFrom) {
  for (const char* what : {"--acquisition crc --group 3 --budget 6", "--acquisition crc --search exchange --budget 3",
                           "--acquisition maxherding --budget 5", "--acquisition kmeans --budget 4",
                           "--acquisition coreset --budget 5", "--acquisition dcom --budget 3 --labels classes.npy"}) {
    const std::string alone = selected(pool + what + " --scores s1.npy"), scores = read("s1.npy");
    fs::remove(folder + "/s1.npy");
    const std::string arguments = pool + kept_in + "--scores s.npy " + what;
    int deaths = 0;
    Outcome ended = killed_at(3, arguments);
    for (; ended.code == 128 + SIGKILL && deaths < 400; ++deaths) {
      ended = killed_at(deaths % 3 + 1, arguments);  // of what is kept now: selection.json is there
    }
    ended = run(arguments);  // the picks are files too: the last death may be theirs
    EXPECT_EQ(ended.code, 0) << what << ended.words;
    EXPECT_GT(deaths, 1) << what;
    EXPECT_EQ(read("t.csv"), alone) << what;
    EXPECT_EQ(read("s.npy"), scores) << what;
    EXPECT_FALSE(exists("ck")) << what;
    fs::remove(folder + "/t.csv"), fs::remove(folder + "/s.npy");
  }
}

// The picks are there, the scores are not: the same command ends what it began, and replaces nothing else.
TEST_F(SelectCheckpoint, ADeathBetweenTwoOutputsIsGoneOnFrom) {
  const std::string what = pool + kept_in + "--scores s.npy --acquisition rdss --budget 5 ",
                    alone = selected(pool + "--acquisition rdss --budget 5");
  const auto die_between = [&] {
    for (int n = 4; !exists("t.csv"); ++n) ASSERT_EQ(killed_at(n, what).code, 128 + SIGKILL) << n;
    EXPECT_FALSE(exists("s.npy"));
    EXPECT_EQ(read("t.csv"), alone);
  };
  die_between();
  write_text("t.csv", "mine\n");
  expect(what, 73, "t.csv exists; name another file, or give --force to replace it");
  EXPECT_EQ(read("t.csv"), "mine\n");
  fs::remove(folder + "/t.csv");
  die_between();
  expect(what, 0, "wrote t.csv s.npy");
  EXPECT_EQ(read("t.csv"), alone);
  EXPECT_FALSE(exists("ck"));
}

TEST_F(SelectCheckpoint, AKilledProcessOfSeveralIsGoneOnFromInAnotherNumber) {
  const std::pair<const char*, int> cases[] = {{"--acquisition rdss --budget 8", 6},
                                               {"--acquisition badge --budget 8", 4},
                                               {"--acquisition crc --search greedy --budget 6", 8}};
  for (const auto& [what, rename] : cases) {
    const std::string arguments = many + kept_in + what, alone = selected(pool + what);
    const std::string dies =
        "env CRC_FAULT=rename:" + std::to_string(rename) + ":kill" + program("--threads 1 " + arguments);
    const Ended ended = together({dies, arguments, arguments});
    EXPECT_EQ(ended.codes[0], 128 + SIGKILL) << ended.words[0];
    EXPECT_EQ(ended.codes[1], 70) << what;
    EXPECT_FALSE(exists("t.csv"));
    EXPECT_FALSE(kept().empty()) << what;
    expect_all(together(2, arguments), 0, "goes on after");
    EXPECT_EQ(read("t.csv"), alone) << what;
    EXPECT_FALSE(exists("ck")) << what;
    fs::remove(folder + "/t.csv");
  }
}

// One that is not rank 0, by kill -9 once something is kept; and a stop, which ends with 75.
TEST_F(SelectCheckpoint, AnyOfThemMayDieAndAStopLosesNothing) {
  constexpr int64_t kRows = 20000;
  std::vector<float> rows;
  for (int64_t k = 0; k < kRows * kWidth; ++k) rows.push_back(features[size_t(k * 7 % 419)] + float(k % 11));
  write<float>("many.npy", rows, {kRows, kWidth});
  const std::string work = "--features many.npy --acquisition kmeans --budget 3000 " + kept_in;
  const auto until = [&](const std::string& seen, const char* signal) {
    return "sh -c '" + program("--threads 1 " + work) + " & pid=$!; until " + seen +
           " 2> /dev/null; do kill -0 $pid || break; sleep 0.02; done; kill -" + signal + " $pid; wait $pid'";
  };
  const Ended died = together({work, until("ls ck/*.pass", "KILL")});
  EXPECT_EQ(died.codes[0], 70) << died.words[0];
  EXPECT_FALSE(exists("t.csv"));
  EXPECT_FALSE(kept().empty());
  const Ended stopped = together({until("grep -q \"goes on after\" words0", "TERM")});
  EXPECT_EQ(stopped.codes[0], 75) << stopped.words[0];
  EXPECT_FALSE(exists("t.csv"));
  expect(work, 0, "first centres for the picks kept in ck");
  const std::string picks = read("t.csv");
  EXPECT_EQ(selected("--features many.npy --acquisition kmeans --budget 3000"), picks);
}

TEST_F(SelectCheckpoint, WhatIsKeptBelongsToOneSelection) {
  const std::string what = pool + kept_in + "--acquisition coreset --budget 5 ";
  keep_some(what);
  const std::vector<std::string> before = kept();
  const auto refused = [&](const std::string& arguments, const std::string& words) {
    expect(arguments, 73, "ck: keeps passes of another selection");
    expect(arguments, 73, words);
    EXPECT_EQ(kept(), before);
    EXPECT_FALSE(exists("t.csv"));
  };
  refused(what + "--seed 3", "(seed: 0 there, 3 now)");
  refused(what + "--force --round 2", "(round: 0 there, 2 now)");
  refused(pool + kept_in + "--acquisition rdss --budget 5", "acquisition: coreset there, rdss now");
  refused("--features h0.npy h1.npy h2.npy --threads 1 " + kept_in + "--acquisition coreset --budget 5 ",
          "labeled: 3 ");
  expect(pool + "--out a.csv --checkpoint none --samples passes.npy --acquisition bald --budget 2", 0,
         "note: --checkpoint keeps nothing of --acquisition bald");
  EXPECT_FALSE(exists("none"));
  std::vector<float> other(features);
  other[size_t(20 * kWidth)] += 1;
  const std::string saved = read("h1.npy");
  write<float>("h1.npy", {other.begin() + 7 * kWidth, other.begin() + 41 * kWidth}, {34, kWidth});
  refused(what, "(features, file 2: [34,7] <f4, but other numbers)");
  write_text("ck/mine.txt", "mine");
  expect(what, 73, "--checkpoint ck: holds mine.txt, which is no selection's; move it away");
  EXPECT_EQ(read("ck/mine.txt"), "mine");
  fs::remove(folder + "/ck/mine.txt");
  write_text("h1.npy", saved);  // written again, elsewhere, by another name: the same content
  fs::rename(folder + "/h2.npy", folder + "/moved.npy");
  expect("--features h0.npy h1.npy moved.npy --logits p.npy --labeled l.npy " + kept_in +
             "--acquisition coreset --budget 5",
         0, "goes on after");
  EXPECT_FALSE(exists("ck"));
}

TEST_F(SelectCheckpoint, ADamagedFileIsSaidAndItsPassDoneAgain) {
  const std::string what = pool + kept_in + "--acquisition rdss --budget 5 ",
                    alone = selected(pool + "--acquisition rdss --budget 5");
  for (const int damage : {0, 1, 2, 3}) {
    keep_some(what);
    const std::string name = "ck/" + kept()[0];
    std::string content = read(name);
    if (damage == 0) content.resize(content.size() - 8);
    if (damage == 1) content.resize(10);
    if (damage == 2) content.clear();
    if (damage == 3) content[content.size() - 3] ^= 1;
    write_text(name, content);
    expect(what, 0, name + " is damaged; what it kept is done again");
    EXPECT_EQ(read("t.csv"), alone);
    fs::remove(folder + "/t.csv");
  }
  keep_some(what);
  write_text("ck/selection.json", "{}");
  expect(what, 0, "selection-copy.json serves in its place");
  fs::remove(folder + "/t.csv");
  keep_some(what);
  write_text("ck/selection.json", "{}"), write_text("ck/selection-copy.json", "");
  expect(what, 65, "selection.json is damaged");
  EXPECT_FALSE(kept().empty());
}

TEST_F(SelectCheckpoint, AFullDiskEndsItAndWhatWasKeptStays) {
  const std::string what = pool + kept_in + "--acquisition rdss --budget 5 ",
                    alone = selected(pool + "--acquisition rdss --budget 5");
  for (const char* fault : {"write:1:enospc", "write:3:enospc", "write:4:enospc", "fsync:6:eio", "rename:4:enospc"}) {
    setenv("CRC_FAULT", fault, 1);
    const Outcome full = run(what);
    unsetenv("CRC_FAULT");
    EXPECT_EQ(full.code, 74) << fault << full.words;
    EXPECT_FALSE(exists("t.csv"));
    const Outcome again = run(what);
    EXPECT_EQ(again.code, 0) << fault << again.words;
    EXPECT_EQ(read("t.csv"), alone);
    EXPECT_FALSE(exists("ck"));
    fs::remove(folder + "/t.csv");
  }
}

TEST_F(SelectCheckpoint, FoldersThatCannotBeUsedAreRefused) {
  const std::string what = pool + "--acquisition rdss --budget 5 ", out = "--out t.csv ";
  expect(what + out + "--checkpoint p.npy", 64, "p.npy is or lies in --checkpoint p.npy");
  expect(what + out + "--checkpoint p.npy/ck", 73, "p.npy");
  expect(what + out + "--checkpoint /proc/none/ck", 73, "/proc/none");
  expect(what + out + "--checkpoint ''", 64, "--checkpoint");
  expect(what + out + "--checkpoint .", 64, "is or lies in --checkpoint .");
  expect(what + "--out ck --checkpoint ck", 64, "ck is or lies in --checkpoint ck");
  fs::create_directory(folder + "/ck");
  expect(what + "--out ck/t.csv --checkpoint ck", 64, "ck/t.csv is or lies in --checkpoint ck");
  write_text("ck/mine.txt", "mine");
  expect(what + out + "--checkpoint ck", 73, "holds mine.txt");
  EXPECT_EQ(read("ck/mine.txt"), "mine");
  EXPECT_FALSE(exists("ck/.lock"));
  fs::remove(folder + "/ck/mine.txt");
  expect(what + out + "--checkpoint ck", 0, "wrote t.csv");  // an empty one serves
  EXPECT_FALSE(exists("ck"));
  // One that fails before it keeps anything leaves nothing.
  expect(pool + kept_in + "--force --acquisition rdss --budget 5000", 78, "budget 5000");
  EXPECT_FALSE(exists("ck"));
}

TEST_F(SelectCheckpoint, TwoAtOnceAreKeptApart) {
  const std::string what = pool + kept_in + "--acquisition rdss --budget 5 ";
  fs::create_directory(folder + "/ck");
  const int fd = open((folder + "/ck").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
  expect(what, 73, "ck is in use by another process");
  close(fd);
  expect(what, 0, "wrote t.csv");
}

}  // namespace
}  // namespace crc::test
