// The standard streams: what is lost there is said, and what cannot be said there changes nothing.
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kStreamsRun =
    " --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set data.train_size=200 --set data.test_size=20 --set "
    "acquisition.rounds=0 --set run.device=cpu ";

class Streams : public Outside {
 protected:
  // Whatever prints to stdout.
  static std::vector<std::string> talkers() {
    const std::string digits = " --set data.name=street_digits --set data.train_size=200 --set data.test_size=10";
    std::vector<std::string> all{kTrain + " --help",
                                 kTrain + " run --help",
                                 kTrain + " --version",
                                 kTrain + " list",
                                 kTrain + " data info" + digits,
                                 kTrain + " run demo --dry-run --memory" + digits,
                                 kTrain + " sweep figure1 --out /tmp/none --dry-run",
                                 kSelect + " --help",
                                 kSelect + " --version"};
    if (fs::exists(kBench)) all.insert(all.end(), {kBench + " --help", kBench + " --list --device cpu"});
    return all;
  }
};

TEST_F(Streams, AFullDeviceIsAnError) {
  for (const std::string& command : talkers()) {
    const Outcome o = shell("exec " + command + " > /dev/full");
    EXPECT_EQ(o.code, 74) << command << "\n" << o.words;
    EXPECT_NE(o.words.find("writing standard output: No space left on device; free some space"), std::string::npos)
        << command << "\n"
        << o.words;
  }
}

TEST_F(Streams, AReaderThatHasEnoughIsNone) {
  for (const std::string& command : talkers()) {
    const Outcome o = shell("{ sleep 0.1; " + command + "; echo code $? >&2; } | true");
    EXPECT_EQ(o.words, "code 0\n") << command;
    EXPECT_EQ(shell("{ " + command + "; echo code $? >&2; } | head -1 > /dev/null").words, "code 0\n") << command;
  }
}

TEST_F(Streams, LostMessagesChangeNoExitCode) {
  const std::string run = kTrain + " run demo --out " + folder + "/";
  for (const std::string to : {" 2> /dev/full", " 2>&-", " 2>&- >&- <&-"}) {
    EXPECT_EQ(shell("exec " + kTrain + " run nosuch" + to).code, 66) << to;
    EXPECT_EQ(shell("exec " + kTrain + " --bogus" + to).code, 64) << to;
    const bool lost = to.find(">&- <") != to.npos;  // what `list` says is its result
    EXPECT_EQ(shell("exec " + kTrain + " list" + to).code, lost ? 74 : 0) << to;
  }
  EXPECT_EQ(shell("exec " + run + "full" + kStreamsRun + " 2> /dev/full").code, 0);
  EXPECT_EQ(shell("exec " + run + "closed" + kStreamsRun + " <&- >&- 2>&-").code, 0);
  for (const char* name : {"/full", "/closed"}) {
    const std::string lock = read(folder + name + "/.lock");
    EXPECT_EQ(std::count(lock.begin(), lock.end(), '\n'), 1) << lock;
    EXPECT_EQ(lock.find("process "), 0u) << lock;
    EXPECT_NE(read(folder + name + "/log.txt").find("done: "), std::string::npos);
  }
}

TEST_F(Streams, NamesDoNotDriveTheTerminal) {
  const std::string evil = "$(printf 'a\\033]0;title\\007b\\233c')";
  for (const std::string& command : {kTrain + " resume " + evil, kTrain + " run " + evil, kTrain + " list " + evil,
                                     kTrain + " run demo --set " + evil, kTrain + " eval --weights " + evil,
                                     kSelect + " --budget 1 --out o --features " + evil}) {
    const Outcome o = shell("cd " + folder + "; exec " + command);
    EXPECT_NE(o.code, 0);
    EXPECT_NE(o.words.find("a\\x1b]0;title\\x07b\\x9bc"), std::string::npos) << command << "\n" << o.words;
    for (const char* byte : {"\x1b", "\x07", "\x9b"}) EXPECT_EQ(o.words.find(byte), std::string::npos) << command;
  }
  // A class's name, on stdout and in log.txt.
  const std::string make = "cd " + folder + "; D=$(printf 'data/train/\\033[31mred'); mkdir -p \"$D\" data/test; cp ";
  ASSERT_EQ(run("data preview " + folder + "/p.png --count 1 --set data.name=street_digits").code, 0);
  ASSERT_EQ(shell(make + "p.png \"$D\"").code, 0);
  const Outcome o = run("data info --set data.name=folder --set data.dir=" + folder + "/data");
  EXPECT_EQ(o.code, 0) << o.words;
  EXPECT_NE(o.words.find("\\x1b[31mred"), std::string::npos) << o.words;
  EXPECT_EQ(o.words.find('\x1b'), std::string::npos) << o.words;
}

}  // namespace
}  // namespace crc::test
