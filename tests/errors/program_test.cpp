// crc_train from outside: exit codes and words for what users do wrong, and a kill that must cost nothing.
#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "data/npy.h"
#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

// A run of about a second: three rounds of two epochs.
const std::string kShort =
    "--set ssl.epochs=2 --set ssl.steps_per_epoch=20 --set run.threads=1 --set run.device=cpu --quiet";

class Program : public Outside {
 protected:
  // Until the file holds the words; a minute at most.
  static void wait_for(const fs::path& file, const std::string& words) {
    for (int i = 0; i < 60'000; ++i) {
      std::ifstream in(file, std::ios::binary);
      if (std::string(std::istreambuf_iterator<char>(in), {}).find(words) != std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void expect_same(const std::string& whole, const std::string& resumed) {
    for (const char* file : {"labels.jsonl", "rounds/00/weights.safetensors", "rounds/01/weights.safetensors",
                             "rounds/02/weights.safetensors", "rounds/00/query.csv", "rounds/01/query.csv"})
      EXPECT_EQ(read(whole + "/" + file), read(resumed + "/" + file)) << file << " of " << resumed;
  }
};

TEST_F(Program, SaysWhatIsWrongOnTheCommandLine) {
  expect("run --bogus", 64, "The following argument was not expected: --bogus; see crc_train run --help");
  expect("", 64, "A subcommand is required");
  expect("eval", 64, "--weights is required");
  expect("demo --seeds 0", 64, "--seeds");
  expect("export a b --names torch", 64, "tensor names \"torch\" are not known");
  expect("--help", 0, "Exit codes");
  expect("--version", 0, "crc_train 0.");
  expect("list", 0, "fixmatch");
}

TEST_F(Program, TheDoctorFindsAMachineReady) {
  const std::string words = expect("doctor --device cpu", 0, "\nverdict      ready: crc_train demo\n");
  for (const char* line : {"crc          0.", "\nCUDA build   ", "\ndevice       cpu, ", "\noneDNN       ",
                           "\nself-test    4 FixMatch steps twice: the same bits\n"})
    EXPECT_NE(words.find(line), std::string::npos) << line << "\n" << words;
}

TEST_F(Program, SaysWhatIsWrongInTheConfiguration) {
  expect("run demo --set ssl.mux=3", 78, "unknown key \"ssl.mux\"; did you mean ssl.mu?");
  expect("run demo --set ssl.mu=x", 78, "ssl.mu");
  expect("run demo --set model.depth=27 --dry-run", 78, "model.depth = 27 is not a WRN depth");
  expect("run demo --set acquisition.name=crcc " + kShort + " --out " + folder + "/b", 78, "crcc");
  expect("run demo --dry-run", 0, "30 in the end");
  expect("run demo --dry-run", 0, "features and logits of the pool");
  expect("run demo --dry-run --memory", 0, "gradient of the residual stream");
  expect("run demo --memory", 64, "--dry-run");
}

TEST_F(Program, SaysWhatIsWrongWithFiles) {
  expect("run nosuch.toml", 66,
         "is neither a file nor a built-in recipe (cifar10, cold-start, crc-where, demo, embeddings, figure1");
  expect("run cifar10 --set data.dir=/nonexistent --out " + folder + "/a", 66, "expected: data_batch_1.bin");
  fs::create_directories(folder + "/stuff/more");
  std::ofstream(folder + "/stuff/notes.txt") << "x";
  expect("data info --set data.dir=" + folder + "/stuff", 66,
         folder + "/stuff holds more/, notes.txt, which is no data set that is known without data.name");
  expect("data info --set data.name=stl10 --set data.dir=" + folder + "/stuff", 66,
         "holds none of its files (it holds more/, notes.txt); expected:");
  expect("data info --set data.dir=/nonexistent", 66, "/nonexistent is not a folder; name the one that holds the data");
  expect("resume " + folder, 66, "is not a run's directory");
  expect("eval --weights " + folder + "/none --data " + folder, 66, "No such file or directory");
  std::ofstream(folder + "/w.safetensors") << "not weights";
  expect("eval --weights " + folder + "/w.safetensors --data " + folder, 65, "is not a valid safetensors file");
  expect("run demo --out /proc/none/run " + kShort, 73, "/proc/none");
}

TEST_F(Program, RefusesTruncatedAndMislabelledData) {
  const std::string data = folder + "/data";
  expect("data make " + data + " --set data.train_size=50 --set data.test_size=10", 0,
         "50 training and 10 test images");
  const std::string at = " --set data.name=cifar10 --set data.profile= --set data.dir=" + data;
  expect("data info" + at, 0, "50 training, 10 test");
  expect("data make " + data, 73, "exists");
  const std::string batch = data + "/data_batch_2.bin";
  const std::string whole = read(batch);
  std::ofstream(batch, std::ios::binary) << whole.substr(0, whole.size() - 1);
  expect("data info" + at, 65, "data_batch_2.bin");
  std::string wrong = whole;
  wrong[0] = 77;
  std::ofstream(batch, std::ios::binary) << wrong;
  expect("data info" + at, 65, "77");
}

TEST_F(Program, StopsWhereItCannotGoOn) {
  expect("doctor --device cuda:99", 69, "cuda:99");
  expect("run demo --set run.device=cuda:99 --out " + folder + "/g", 69, "cuda:99");
  expect("run demo --set ssl.lr=100 --set ssl.weight_decay=1 --out " + folder + "/n " + kShort, 76, "lower ssl.lr");
}

TEST_F(Program, AFullDiskLosesNothing) {
  ASSERT_EQ(run("run demo --out " + folder + "/whole " + kShort).code, 0);
  const Outcome full = shell("ulimit -f 200; exec " + kTrain + " run demo --out " + folder + "/full " + kShort);
  EXPECT_EQ(full.code, 74) << full.words;
  EXPECT_NE(full.words.find("run again"), std::string::npos) << full.words;
  ASSERT_EQ(run("resume " + folder + "/full --quiet").code, 0);
  expect_same(folder + "/whole", folder + "/full");
}

#ifndef __SANITIZE_ADDRESS__  // it reserves terabytes of address space
TEST_F(Program, SaysThatMemoryIsShort) {
  const Outcome o =
      shell("ulimit -v 3000000; exec " + kTrain + " run demo --set ssl.batch=65536 --out " + folder + "/m " + kShort);
  EXPECT_EQ(o.code, 71) << o.words;
  EXPECT_NE(o.words.find("use a smaller batch"), std::string::npos) << o.words;
}
#endif

TEST_F(Program, EvalWritesWhatItMeasured) {
  const std::string data = folder + "/data";
  ASSERT_EQ(run("data make " + data + " --set data.train_size=200 --set data.test_size=60").code, 0);
  const std::string at = " --set data.name=cifar10 --set data.profile= --set data.dir=" + data;
  ASSERT_EQ(run("run demo --out " + folder + "/run" + at + " " + kShort).code, 0);
  const Outcome o = run("eval --weights " + folder + "/run/rounds/02/weights.safetensors --data " + data +
                        " --set model.depth=10 --set model.base_channels=8 --set model.first_stride=2" +
                        " --set model.wiring=shared_act --limit 50 --json --logits " + folder + "/l.npy --features " +
                        folder + "/h.npy");
  ASSERT_EQ(o.code, 0) << o.words;
  const data::NpyArray logits = data::read_npy(folder + "/l.npy"), features = data::read_npy(folder + "/h.npy");
  EXPECT_EQ(logits.shape, (std::vector<int64_t>{50, 10}));
  EXPECT_EQ(features.shape, (std::vector<int64_t>{50, 64}));
  const std::string test = read(data + "/test_batch.bin");
  const size_t record = test.size() / 60;
  int right = 0;
  for (size_t i = 0; i < 50; ++i) {
    const float* row = logits.as<float>().data() + 10 * i;
    right += std::max_element(row, row + 10) - row == test[i * record];
  }
  const nlohmann::json json = nlohmann::json::parse(o.words);
  EXPECT_EQ(json.at("images"), 50);
  EXPECT_TRUE(json.contains("device"));
  EXPECT_DOUBLE_EQ(json.at("accuracy").get<double>(), right / 50.0);
}

TEST_F(Program, NeverReusesADirectory) {
  expect("run demo --out " + folder + "/a " + kShort, 0, "");
  expect("run demo --out " + folder + "/a " + kShort, 73, "crc_train resume");
  expect("resume " + folder + "/a", 0, "is done already");
}

TEST_F(Program, APersonLabelsWhatARunAsksFor) {
  const std::vector<std::string> labels = write_digits(folder, 90, 20, 30);
  std::string answers = "item,class\n";
  for (size_t i = 0; i < labels.size(); ++i) answers += std::to_string(i) + "," + labels[i] + "\n";
  write_file(folder + "/answers.csv", answers);
  write_file(folder + "/one.csv", std::string("item,class\n40,digit1\n"));
  write_file(folder + "/wrong.csv", std::string("item,class\n40,digit11\n"));
  const std::string own = " --set data.name=folder --set data.profile= --set data.dir=" + folder +
                          " --set acquisition.first=given --set acquisition.rounds=1 ";
  const std::string at = folder + "/run";
  expect("run demo --out " + at + own + kShort, 10, "crc_train label " + at + " labels.csv");
  EXPECT_TRUE(fs::exists(at + "/WAITING"));
  EXPECT_NE(read(at + "/rounds/00/query.csv").find(".png"), std::string::npos);
  expect("resume " + at + " --quiet", 10, "has no label");
  expect("label " + at + " " + folder + "/none.csv", 66, "none.csv");
  expect("label " + at + " " + folder + "/wrong.csv", 65, "wrong.csv:2: class \"digit11\" is not one of digit0");
  expect("label " + at + " " + folder + "/one.csv", 10, "queried items have no label in");
  EXPECT_TRUE(fs::exists(at + "/WAITING"));
  expect("label " + at + " " + folder + "/answers.csv", 0, "10 labels recorded, 40 in the ledger");
  expect("label " + at + " " + folder + "/answers.csv", 64, "does not wait for labels");
  expect("resume " + at + " --quiet", 0, "");
  EXPECT_NE(read(at + "/labels.jsonl").find("\"source\":\"file:answers.csv\""), std::string::npos);
  EXPECT_NE(read(at + "/rounds.csv").find("\n1,40,"), std::string::npos);
}

TEST_F(Program, ARunAskedToStopSavesAndGoesOn) {
  ASSERT_EQ(run("run demo --out " + folder + "/whole " + kShort).code, 0);
  Background process("run demo --out " + folder + "/stopped " + kShort);
  wait_for(folder + "/stopped/metrics.jsonl", "\"round\":0");
  EXPECT_EQ(process.after(0, SIGTERM), 75);
  EXPECT_TRUE(fs::exists(folder + "/stopped/PREEMPTED"));
  expect("resume " + folder + "/stopped --quiet", 0, "");
  expect_same(folder + "/whole", folder + "/stopped");
}

// Moments of a run that are known by what it has written: of round 0 and of the last, between them and before the end.
TEST_F(Program, ARunKilledAtAnyMomentEndsWithTheSameBits) {
  const std::string tiny = kShort + " --set model.width=1 --set ssl.epochs=4 --set ssl.steps_per_epoch=10" +
                           " --set data.train_size=300 --set data.test_size=100";
  ASSERT_EQ(run("run demo --out " + folder + "/whole " + tiny).code, 0);
  int interrupted = 0;
  for (const auto& [file, words] : {std::pair("labels.jsonl", "\"round\":0"),
                                    {"metrics.jsonl", "\"round\":0,\"epoch\":1"},
                                    {"labels.jsonl", "\"round\":1"},
                                    {"metrics.jsonl", "\"round\":2,\"epoch\":1"}}) {
    const std::string killed = folder + "/killed" + std::to_string(interrupted);
    Background process("run demo --out " + killed + " " + tiny);
    wait_for(killed + "/" + file, words);
    EXPECT_EQ(process.after(0, SIGKILL), 128 + SIGKILL) << file << words;
    interrupted += fs::exists(killed + "/run.json") && !fs::exists(killed + "/DONE");
    const Outcome resumed = run("resume " + killed + " --quiet");
    ASSERT_EQ(resumed.code, 0) << resumed.words;
    expect_same(folder + "/whole", killed);
  }
  EXPECT_EQ(interrupted, 4);
}

}  // namespace
}  // namespace crc::test
