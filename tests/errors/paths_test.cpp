// What paths can be: unreadable, of another kind than expected, too long, of any bytes. As an ordinary user.
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "data/png.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

const std::string kPathsRun =
    " --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set data.train_size=200 --set data.test_size=20 --set "
    "acquisition.rounds=0 --set run.device=cpu --quiet ";

class Paths : public Outside {
 protected:
  Paths() { fs::permissions(folder, fs::perms(0777)); }
  void expect_of(const std::string& command, int code, const std::string& words) const {
    const Outcome o = shell("cd " + folder + "; exec timeout 20 " + command);
    EXPECT_EQ(o.code, code) << command << "\n" << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << command << "\n" << o.words;
    EXPECT_EQ(o.words.find("internal"), std::string::npos) << command << "\n" << o.words;
  }
};

// Root may do everything, so the programs run as somebody else.
class Permissions : public Paths {
 protected:
  void SetUp() override {
    if (geteuid() == 0) as = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
    if (shell("cd " + folder + "; exec " + as + kTrain + " --version").code != 0)
      GTEST_SKIP() << "Permissions needs setpriv and a build that everybody may read";
    for (const char* name : {"shut", "sealed", "open"}) fs::create_directory(folder + "/" + name);
    std::ofstream(folder + "/shut/file") << "x";
    std::ofstream(folder + "/secret") << "x";
    fs::create_directories(folder + "/images/train/a");
    fs::create_directories(folder + "/images/test");
    for (const char* name : {"/shut", "/secret", "/images/train/a"}) fs::permissions(folder + name, fs::perms(0));
    fs::permissions(folder + "/sealed", fs::perms(0555));
    fs::permissions(folder + "/open", fs::perms(0777));
    fs::permissions(folder, fs::perms(0755));
  }
  void TearDown() override {
    for (const char* name : {"/shut", "/images/train/a", "/sealed"})
      if (std::error_code none; fs::exists(folder + name, none)) fs::permissions(folder + name, fs::perms(0777), none);
  }
  void expect_denied(const std::string& command, int code) const { expect_of(as + command, code, "Permission denied"); }
  std::string as;
};

TEST_F(Permissions, OutputsAre73) {
  for (const char* out : {"sealed/x", "sealed/a/b", "shut/x", "shut/a/b"}) {
    expect_denied(kTrain + " run demo --out " + out + kPathsRun, 73);
    expect_denied(kTrain + " demo --seeds 1 --out " + out, 73);
    expect_denied(kTrain + " sweep figure1 --out " + out, 73);
    expect_denied(kTrain + " data make " + out, 73);
    expect_denied(kTrain + " report sealed --out " + out, 73);
  }
  for (const char* file : {"sealed/x.png", "shut/x.png"}) {
    expect_denied(kTrain + " data augment --op identity p.png " + file, 73);
    expect_denied(kTrain + " rank-barrier --out " + file, 73);
    expect_denied(kTrain + " export w " + file, 73);
    expect_denied(kTrain + " eval --weights w --logits " + file, 73);
    expect_denied(kTrain + " sweep figure1 --out s --slurm " + file, 73);
    expect_denied(kSelect + " --budget 2 --features h --out " + file, 73);
  }
}

TEST_F(Permissions, InputsAre66) {
  for (const char* file : {"secret", "shut/file"}) {
    expect_denied(kTrain + " eval --weights " + file, 66);
    expect_denied(kTrain + " export " + std::string(file) + " open/o", 66);
    expect_denied(kTrain + " run " + file, 66);
    expect_denied(kTrain + " data augment --op identity " + std::string(file) + " open/o.png", 66);
    expect_denied(kTrain + " label shut " + file, 66);
    expect_denied(kSelect + " --budget 2 --out open/o --features " + file, 66);
  }
  for (const char* command : {"resume shut", "report shut", "sweep --cell a --out shut"})
    expect_denied(kTrain + " " + command, 66);
  expect_denied(kTrain + " data info --set data.dir=shut", 66);
  expect_denied(kTrain + " data info --set data.name=folder --set data.dir=images", 66);
  expect_denied(kSelect + " --budget 2 --out open/o --features h --labeled shut/file", 66);
}

TEST_F(Paths, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo((folder + "/pipe").c_str(), 0666), 0);
  fs::create_directories(folder + "/images/train/a");
  fs::create_directories(folder + "/images/test");
  ASSERT_EQ(mkfifo((folder + "/images/train/a/1.png").c_str(), 0666), 0);
  fs::create_directory(folder + "/cifar");
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    ASSERT_EQ(mkfifo((folder + "/cifar/" + name + ".bin").c_str(), 0666), 0);
  for (const auto& [file, words] : {std::pair("pipe", "a regular file is expected"),
                                    {"cifar", "is a folder"},
                                    {"/dev/zero", "a regular file is expected"}}) {
    const std::string at = file;
    expect_of(kTrain + " eval --weights " + at, 66, words);
    expect_of(kTrain + " export " + at + " o", 66, words);
    expect_of(kTrain + " run " + at, 66, words);
    expect_of(kTrain + " data augment --op identity " + at + " o.png", 66, words);
    expect_of(kTrain + " label cifar " + at, 66, words);
    expect_of(kTrain + " rank-barrier --out o.png --features " + at, 66, words);
    expect_of(kSelect + " --budget 2 --out o --features " + at, 66, words);
    expect_of(kSelect + " --budget 2 --out o --logits " + at, 66, words);
  }
  write_file(folder + "/h.npy", std::string("\x93NUMPY"));
  expect_of(kTrain + " data info --set data.dir=cifar", 66, "data_batch_1.bin: is a pipe or a device");
  expect_of(kTrain + " data info --set data.name=folder --set data.dir=images", 66, "1.png: is a pipe or a device");
  expect_of(kTrain + " eval --weights /proc/self/mem", 74, "reading /proc/self/mem");
}

TEST_F(Paths, NamesMayBeAsLongAsTheFileSystemAllows) {
  const std::string most(251, 'n'), longer(300, 'n');
  write_file(folder + "/p.png", data::encode_png({2, 2, std::vector<uint8_t>(12, 7)}));
  expect_of(kTrain + " data augment --op identity p.png " + most + ".png", 0, "");
  expect_of(kTrain + " data augment --op identity p.png " + longer + ".png", 73,
            "File name too long; shorten the name");
  expect_of(kTrain + " run demo --out " + most + kPathsRun, 0, "");
  expect_of(kTrain + " run demo --out " + longer + kPathsRun, 73, "File name too long");
  expect_of(kTrain + " run " + longer, 66, "File name too long");
  for (const char* command : {" eval --weights ", " resume ", " report ", " data info --set data.dir="})
    expect_of(kTrain + command + longer, 66, "File name too long");
}

TEST_F(Paths, NamesThatAreNotUtf8NameFilesAndNothingElse) {
  const std::string cafe = "caf\xe9", quoted = "'" + cafe + "'";
  expect_of(kTrain + " run demo --out " + quoted + kPathsRun, 0, "");
  const nlohmann::json facts = nlohmann::json::parse(read(folder + "/" + cafe + "/run.json"));
  EXPECT_NE(facts.at("arguments").dump().find("caf\xef\xbf\xbd"), std::string::npos);
  expect_of(kTrain + " resume " + quoted, 0, "caf\\xe9 is done already");
  expect_of(kTrain + " report " + quoted, 0, "caf\\xe9");
  std::ofstream(folder + "/" + cafe + ".toml") << "schema = 1\n[data]\nname = \"street_digits\"\n";
  expect_of(kTrain + " run " + quoted +
                ".toml --out of-file --set model.depth=10 --set model.width=1 --set ssl.batch=4 --set ssl.mu=1" +
                " --set acquisition.initial=10" + kPathsRun,
            0, "");
  expect_of(kTrain + " resume of-file", 0, "is done already");
  fs::create_directories(folder + "/images/train/" + cafe);
  fs::create_directories(folder + "/images/test");
  write_file(folder + "/images/train/" + cafe + "/p.png", data::encode_png({8, 8, std::vector<uint8_t>(192, 7)}));
  expect_of(kTrain + " run demo --set data.name=folder --set data.dir=images --set data.profile= --out new" + kPathsRun,
            65, "the class name \"caf\\xe9\" in images is not UTF-8; rename it");
  expect_of(kTrain + " run demo --out new --set data.dir=" + quoted + kPathsRun, 78, "data.dir is not UTF-8");
  expect_of(kTrain + " run demo --out new --set run.name=" + quoted + kPathsRun, 78, "run.name is not UTF-8");
  expect_of("env CRC_DATA_DIR=" + quoted + " " + kTrain + " run demo --out new" + kPathsRun, 78,
            "data.dir is not UTF-8");
  expect_of(kTrain + " sweep table6 --out " + quoted + "2", 64, "--out caf\\xe92: the name is not UTF-8");
  EXPECT_FALSE(fs::exists(folder + "/new"));
  EXPECT_FALSE(fs::exists(folder + "/" + cafe + "2"));
}

TEST_F(Paths, ARunWhoseLockIsRemovedIsStillInUse) {
  const std::string at = folder + "/run";
  Background run("run demo --quiet --out " + at + " --set ssl.epochs=500 --set run.threads=1 --set run.device=cpu");
  for (int i = 0; i < 200 && !fs::exists(at + "/run.json"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(fs::remove(at + "/.lock"));
  expect_of(kTrain + " resume " + at, 73, "is in use by");
  expect_of(kTrain + " run demo --out " + at + kPathsRun, 73, "");
  EXPECT_EQ(run.after(0, SIGKILL), 128 + SIGKILL);
}

}  // namespace
}  // namespace crc::test
