// What is known before a run starts is said before it starts: the same code and words from --dry-run and from the run,
// which then leaves no directory. And runs that move, and those of earlier versions.
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/png.h"
#include "kernels/core/context.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

const std::string kStartRun =
    " --quiet --set run.device=cpu --set run.threads=1 --set data.name=street_digits --set data.train_size=200"
    " --set data.test_size=50 --set model.depth=10 --set model.width=1 --set model.base_channels=2"
    " --set model.first_stride=2 --set ssl.batch=4 --set ssl.mu=1 --set ssl.epochs=2 --set ssl.steps_per_epoch=3"
    " --set acquisition.budget=10 --set acquisition.initial=10 --set acquisition.rounds=1 ";

class Start : public Outside {
 protected:
  Outcome run(const std::string& arguments) const override {
    return shell(before + "exec " + kTrain + " " + arguments);
  }
  std::string before;                                   // of the environment
  std::string set(const std::string& settings) const {  // "a=1 b=2" to "--set a=1 --set b=2"
    std::string options;
    std::istringstream words(settings);
    for (std::string word; words >> word;) options += " --set " + word;
    return options;
  }
  std::string out() const { return folder + "/run"; }
  void refused(const std::string& settings, int code, const std::string& words) const {
    const std::string options = kStartRun + set(settings);
    EXPECT_NE(words_of("run --dry-run", options, code).find(words), std::string::npos);
    EXPECT_EQ(words_of("run", options, code), words_of("run --dry-run", options, code));
    EXPECT_FALSE(fs::exists(out())) << settings;
  }
  // Training and test images as PNG files, and a labels.csv that gives the first `labeled` of them a class in turn.
  std::string own_images(int64_t train, int64_t labeled, int64_t test) const {
    const data::Dataset digits = data::load({"street_digits", "", {{"train", std::to_string(train)}, {"test", "30"}}});
    const std::string at = folder + "/own";
    fs::create_directory(at);
    std::string list = "path,label,split\n";
    const auto add = [&](const data::Images& images, int64_t count, int64_t known, const std::string& split) {
      for (int64_t i = 0; i < count; ++i) {
        const auto pixels = images.image(i);
        const std::string name = split + std::to_string(i) + ".png";
        write_file(at + "/" + name, data::encode_png({images.height, images.width, {pixels.begin(), pixels.end()}}));
        list += name + "," + (i < known ? "digit" + std::to_string(i % 10) : "") + "," + split + "\n";
      }
    };
    add(digits.train, train, labeled, "train");
    add(digits.test, test, test, "test");
    write_file(at + "/labels.csv", list);
    return " data.name=folder data.train_size=0 data.test_size=0 data.dir=" + at + " ";
  }

 private:
  std::string words_of(const std::string& command, const std::string& options, int code) const {
    const Outcome o = run(command + options + " --out " + out());
    EXPECT_EQ(o.code, code) << command << options << "\n" << o.words;
    return o.words;
  }
};

TEST_F(Start, WhatTheAcquisitionWouldRefuse) {
  refused("acquisition.name=crcc", 78, "acquisition \"crcc\" is not known; use one of random, entropy");
  refused("acquisition.name=crcc acquisition.rounds=0", 78, "acquisition \"crcc\" is not known");
  refused("acquisition.group_size=3", 78, "group size 3 does not divide the budget 10; choose a divisor");
  refused("acquisition.search=greedy acquisition.group_size=5", 78, "\"greedy\" adds single items; set the group size");
  refused("acquisition.search=independent acquisition.group_size=2 acquisition.candidates=4", 78,
          "candidates 4 are fewer than the 5 groups to pick");
  refused("acquisition.name=crc_layers acquisition.group_size=5 acquisition.layers=head", 78,
          "the network has no layer \"head\"; it has fc, bn1, block3");
  refused("acquisition.name=crc_full acquisition.group_size=5 acquisition.solver=syev_batched", 78,
          "has only the solvers capacitance and syevd");
  refused("acquisition.name=crc_full acquisition.group_size=5 acquisition.memory_gb=0.001", 71,
          "Allow more (acquisition.memory_gb)");
  refused("acquisition.name=egl acquisition.memory_gb=0.0001", 71, "Allow more (acquisition.memory_gb)");
  refused("acquisition.first=model acquisition.initial=7 acquisition.group_size=5", 78,
          "group size 5 does not divide the budget 7");
}

TEST_F(Start, WhatThePoolCannotGive) {
  refused(
      "acquisition.rounds=20 acquisition.group_size=5", 78,
      "acquisition.rounds = 20 queries of acquisition.budget = 10 after 10 first labels need 210 training images, and "
      "there are 200: query 20 would find 0 unlabelled; choose at most 19 rounds, or a smaller budget");
  refused("acquisition.budget=191 acquisition.group_size=1", 78, "query 1 would find 190 unlabelled");
  refused("acquisition.budget=190 acquisition.group_size=1 data.include_labeled_in_unlabeled=false", 78,
          "needs unlabelled images, and none are left");
  refused("acquisition.initial=15", 78, "15 initial labels cannot be balanced over 10 classes");
  refused("acquisition.initial=1000", 78, "1000 initial labels need 100 of each class, but class 0 has");
  refused("acquisition.first=leading acquisition.initial=201", 78, "acquisition.initial = 201, and there are 200");
  refused("acquisition.protocol=pseudo_al acquisition.budget=15", 78,
          "a balanced query of 15 cannot hold equally many of 10 classes");
  refused("acquisition.protocol=pseudo_al acquisition.budget=120", 78,
          "a balanced query takes 12 items of each class, but class");
  refused("acquisition.protocol=pseudo_al acquisition.search=greedy", 78, "builds a query item by item");
}

TEST_F(Start, Bf16IsForCpusThatHaveIt) {
  before = kNoBf16;
  refused(
      "run.precision=bf16", 78,
      "needs a CUDA device from sm_80 on or a CPU with AVX512-BF16, and this run is on cpu, which lacks it; use auto");
  before = "";
  if (!Context::cpu(1).has_bf16()) GTEST_SKIP() << "this CPU lacks AVX512-BF16";
  const std::string options = kStartRun + set("run.precision=bf16 ssl.epochs=4") + " --out ";
  const Outcome plan = run("run --dry-run" + options + out());
  EXPECT_NE(plan.words.find("training in bf16\n"), std::string::npos) << plan.words;
  EXPECT_EQ(run("run" + options + out()).code, 0);
  EXPECT_EQ(nlohmann::json::parse(read(out() + "/run.json")).at("precision"), "bf16");
  EXPECT_NE(read(out() + "/report.html").find("bf16"), std::string::npos);
  const Outcome tested = run("eval --run " + out());
  EXPECT_EQ(tested.code, 0) << tested.words;
  EXPECT_EQ(tested.words.find("computed in fp32"), std::string::npos) << tested.words;

  // A run that dies on the way and goes on, on three threads: the same bits.
  const std::string parts = folder + "/parts";
  before = "CRC_FAULT=rename:20:kill ";
  EXPECT_EQ(run("run" + options + parts).code, 128 + SIGKILL);
  before = kNoBf16;
  const Outcome refused = run("resume " + parts);
  EXPECT_EQ(refused.code, 78);
  EXPECT_NE(refused.words.find("needs a CUDA device"), std::string::npos) << refused.words;
  before = "";
  EXPECT_EQ(run("resume " + parts + " --quiet --set run.threads=3").code, 0);
  for (const char* file : {"/labels.jsonl", "/rounds/00/weights.safetensors", "/rounds/01/weights.safetensors"})
    EXPECT_TRUE(read(out() + file) == read(parts + file)) << file;
}

TEST_F(Start, WhatImagesNetworkAndDeviceCannotDo) {
  refused("report.reference=garbage", 78, "report.reference = \"garbage\" is not of the form");
  refused("ssl.weak.crop_pad=40", 78, "crop_pad is 40, images of 16x16 allow 0 to 15");
  refused("ssl.ema_buffers=own", 78, "is for ssl.method \"mean_teacher\"");
  refused("model.depth=11", 78, "model.depth = 11 is not a WRN depth");
  const std::string large = folder + "/large";
  fs::create_directories(large + "/train/a");
  fs::create_directories(large + "/train/b");
  fs::create_directories(large + "/test");
  const std::vector<uint8_t> pixels(513 * 512 * 3, 7);
  for (const char* file : {"/train/a/1.png", "/train/a/2.png", "/train/b/1.png", "/train/b/2.png"})
    write_file(large + file, data::encode_png({513, 512, pixels}));
  refused(
      "data.name=folder data.train_size=0 data.test_size=0 acquisition.initial=2 data.dir=" + large, 78,
      "images of 513x512 are too large: training augments images of at most 262144 pixels (512x512); scale them down");
}

// 28x28 to train, 14x14 to test: a network that reads pixel by pixel cannot.
TEST_F(Start, AnMlpAndImagesOfTwoSizes) {
  const auto idx = [&](const std::string& name, std::vector<uint8_t> head, int count, int size) {
    std::string bytes(head.begin(), head.end());
    for (int i = 0; i < count * size; ++i) bytes += char(size == 1 ? i % 10 : i);
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
  };
  idx("train-images-idx3-ubyte", {0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 28, 0, 0, 0, 28}, 40, 28 * 28);
  idx("train-labels-idx1-ubyte", {0, 0, 8, 1, 0, 0, 0, 40}, 40, 1);
  idx("t10k-images-idx3-ubyte", {0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 14, 0, 0, 0, 14}, 20, 14 * 14);
  idx("t10k-labels-idx1-ubyte", {0, 0, 8, 1, 0, 0, 0, 20}, 20, 1);
  const std::string mnist = "data.name=mnist data.train_size=0 data.test_size=0 data.dir=" + folder + " ";
  refused(mnist + "model.name=mlp model.depth=2 model.width=4", 78,
          "takes images of one size, and mnist has training images of 28x28 and test images of 14x14");
  expect("run --dry-run" + kStartRun + set(mnist), 0, "28x28");  // a wrn pools over whatever it gets
}

TEST_F(Start, LabelsThatAreNotThere) {
  const std::string own = own_images(60, 20, 10);
  refused(own + "acquisition.protocol=pseudo_al acquisition.first=given", 78, "and 40 of 60 training images have none");
  refused(own + "acquisition.first=leading acquisition.initial=30", 78, "training image 20 has no label");
  refused(own + "acquisition.initial=100", 78, "100 initial labels need 10 of each class");
  refused(own + "acquisition.first=given acquisition.budget=50", 78, "query 1 would find 40 unlabelled");
}

TEST_F(Start, ThePlanCountsWhatThereIs) {
  const std::string given = own_images(60, 20, 10) + "acquisition.first=given";
  const std::string plan = expect("run --dry-run" + kStartRun + set(given), 0, "20 at first (given by the data set)");
  EXPECT_NE(plan.find("then 1 queries of 10 by crc: 30 in the end"), std::string::npos) << plan;
  EXPECT_NE(
      plan.find("of 60 training images, 40 unlabelled at first; the data set has labels of 20 (digit0: 2, digit1: 2, "),
      std::string::npos)
      << plan;
  EXPECT_NE(plan.find("40 have none: where a query picks such an image, the run waits for people"), std::string::npos);
  expect("run --dry-run" + kStartRun, 0,
         "10 at first (random, 1 of each class), then 1 queries of 10 by crc: 20 in the end");
  expect("run --dry-run" + kStartRun + set("acquisition.first=leading"), 0, "10 at first (its leading images)");
  expect("run --dry-run" + kStartRun + set("acquisition.first=model"), 0, "10 at first (by crc on a random network)");
}

TEST_F(Start, WaitingForLabelsIsNoError) {
  const std::string given = own_images(60, 20, 10) + "acquisition.first=given";
  const std::string words = expect("run" + kStartRun + set(given) + " --out " + out(), 10, "crc_train: item ");
  EXPECT_EQ(words.find("error"), std::string::npos) << words;
  EXPECT_TRUE(fs::exists(out() + "/WAITING"));
}

TEST_F(Start, AnotherRunsLabelsNeedTheSameImages) {
  ASSERT_EQ(run("run" + kStartRun + " --out " + folder + "/first").code, 0);
  const std::string start = "start.run=" + folder + "/first ";
  refused(start + "start.round=2", 78, "has finished 2 rounds, start.round asks for round 2");
  refused(start + "data.limit_train=150", 78, "has other training images: data.limit_train = 150 (there 0)");
  refused(start + "data.validation_size=20", 78, "data.validation_size = 20 (there 0)");
  refused(start + "model.depth=16", 78, "weights.safetensors does not fit: model.depth = 10 in the file, 16 here");
  refused(start + "acquisition.rounds=19", 78, "after 20 first labels need 210 training images");
  expect("run --dry-run" + kStartRun + set(start + "start.use=labels"), 0,
         "20 at first (those of " + folder + "/first)");
  expect("run" + kStartRun + set(start) + " --out " + out(), 0, "");
}

// Killed before its first checkpoint: what start.run was is part of the run.
TEST_F(Start, AnotherRunInThePlaceOfTheFirst) {
  const std::string first = folder + "/first", other = folder + "/other";
  ASSERT_EQ(run("run" + kStartRun + " --out " + first).code, 0);
  ASSERT_EQ(run("run" + kStartRun + " --set ssl.lr=1 --out " + other).code, 0);
  const std::string start = kStartRun + set("start.run=" + first + " start.round=0");
  int k = 70;  // until round 0 is adopted, which takes more calls than that
  for (; k < 400 && !fs::exists(out() + "/rounds/00/query.csv"); ++k) {
    fs::remove_all(out());
    EXPECT_EQ(
        shell("CRC_FAULT=any:" + std::to_string(k) + ":kill exec " + kTrain + " run" + start + " --out " + out()).code,
        137);
  }
  ASSERT_LT(k, 400);
  expect("resume " + out() + " --set start.run=" + other, 65,
         "start.run = \"" + other +
             "\" is not what it was when this run began: other best.safetensors, metrics, rounds.csv, "
             "weights.safetensors; restore it, or start a new run");
  fs::rename(first, folder + "/moved");
  expect("resume " + out() + " --quiet --set start.run=" + folder + "/moved", 0, "");
}

TEST_F(Start, TheDirectoryIsCheckedFirst) {
  std::ofstream(out()) << "a file";
  for (const char* how : {"run --dry-run", "run"})
    expect(how + kStartRun + " --out " + out(), 73, "is a file; name a new directory");
  fs::remove(out());
  ASSERT_EQ(run("run" + kStartRun + " --out " + out()).code, 0);
  for (const char* how : {"run --dry-run", "run"})
    expect(how + kStartRun + " --out " + out(), 73, "holds a run already; to go on with it: crc_train resume");
  const std::string images = own_images(30, 30, 10);
  for (const char* how : {"run --dry-run", "run"})
    expect(how + kStartRun + set(images) + " --out " + folder + "/own/train/run", 64, "whose files are the data set");
}

TEST_F(Start, ARunThatIsDoneChecksWhatItIsGiven) {
  ASSERT_EQ(run("run" + kStartRun + " --out " + out()).code, 0);
  expect("resume " + out(), 0, "is done already");
  expect("resume " + out() + " --set foo.bar=1", 78, "foo.bar");
  expect("resume " + out() + " --set ssl.epochs=50", 78, "ssl.epochs: 50, was 2");
  fs::remove(out() + "/labels.jsonl");
  expect("resume " + out(), 65, "labels.jsonl");
}

// A plan may be made for another machine; a run is for this one.
TEST_F(Start, MoreMemoryThanTheMachineHas) {
  const std::string huge = kStartRun + set("ssl.batch=65536 ssl.mu=64 model.width=4");
  expect("run --dry-run" + huge, 0, "memory   ");
  expect("run" + huge + " --out " + out(), 71, "and this machine has ");
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(Start, EmptyValuesAreNoNames) {
  for (const char* command : {"run --out ''", "eval --run ''", "data make ''", "data preview ''", "resume ''",
                              "report x --out ''", "export a ''", "sweep figure1 --out ''"})
    expect(command, 64, "is empty: give a value, or leave it out");
  EXPECT_EQ(shell("exec " + std::string(CRC_BINARY_DIR) + "/crc_select --features h --budget 2 --out ''").code, 64);
}

TEST_F(Start, AWrongFaultIsRefusedByEveryCommand) {
  for (const char* command : {"list", "run --dry-run", "doctor"})
    EXPECT_EQ(shell("CRC_FAULT=foo exec " + kTrain + " " + command).code, 64) << command;
}

// Refused before the first cell begins, and before the directory of all of them exists.
TEST_F(Start, EveryCellOfASweepIsChecked) {
  std::ofstream(folder + "/r.toml") << R"(schema = 2
[data]
name = "street_digits"
[sweep]
controls = []
title = "t"
source = "s"
trials = 1
[[sweep.block]]
name = ""
[[sweep.block.method]]
name = "Good"
set = ["acquisition.name=random"]
[[sweep.block.method]]
name = "Bad"
set = ["acquisition.name=crc", "acquisition.group_size=3"]
)";
  for (const char* how : {" --dry-run", "", " --slurm job.sh"}) {
    const std::string words = expect("sweep " + folder + "/r.toml --out " + out() + kStartRun + how, 78,
                                     "bad-t0: group size 3 does not divide");
    EXPECT_FALSE(fs::exists(out())) << words;
  }
  expect("demo --seeds 1 --out " + out() + set("acquisition.group_size=3"), 78, "crc-s0: group size 3 does not divide");
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(Start, AStartThatFailsAfterItsCreationLeavesNothing) {
  const auto start = [&](int write) {
    return shell("CRC_FAULT=write:" + std::to_string(write) + ":enospc exec " + kTrain + " run" + kStartRun +
                 " --out " + out());
  };
  int write = 1;  // that of the first labels, which comes after the creation
  for (; write < 30; ++write) {
    fs::remove_all(out());
    const Outcome o = start(write);
    EXPECT_EQ(o.code, 74) << o.words;
    if (o.words.find("/labels.jsonl: No space") != std::string::npos) break;
  }
  ASSERT_LT(write, 30);
  EXPECT_FALSE(fs::exists(out()));
  fs::create_directory(out());  // somebody's empty directory stays
  EXPECT_EQ(start(write).code, 74);
  EXPECT_TRUE(fs::exists(out()) && fs::is_empty(out()));
  expect("run" + kStartRun + " --out " + out(), 0, "");
}

// Data that moved, another device, another folder: the run is not stuck, and its result is not changed.
TEST_F(Start, ARunMayMoveOnResumeButNotChange) {
  const std::string own = own_images(60, 20, 10) + "acquisition.first=given";
  ASSERT_EQ(run("run" + kStartRun + set(own) + " --out " + out()).code, 10);
  const std::string config = read(out() + "/config.toml");
  fs::rename(folder + "/own", folder + "/moved");
  std::string answers = "item,class\n";
  for (int i = 20; i < 60; ++i) answers += std::to_string(i) + ",digit3\n";
  write_file(folder + "/answers.csv", answers);
  const std::string label = "label " + out() + " " + folder + "/answers.csv",
                    moved = " --set data.dir=" + folder + "/moved";
  expect("resume " + out(), 66, folder + "/own");
  EXPECT_TRUE(fs::exists(out() + "/WAITING"));
  expect(label, 66, folder + "/own");
  expect(label + " --set ssl.mu=2", 78, "ssl.mu: 2, was 1; a resumed run keeps the settings that decide its result");
  EXPECT_TRUE(fs::exists(out() + "/WAITING"));
  expect(label + moved, 0, "10 labels recorded");
  expect("resume " + out() + moved + " --set run.seed=4", 78, "run.seed: 4, was 0");
  expect("resume " + out() + moved + " --set report.reference=x", 78, "report.reference");
  expect("resume " + out() + moved + " --set run.name=again --quiet", 0, "");
  EXPECT_EQ(read(out() + "/config.toml"), config);
  const std::string log = read(out() + "/log.txt");
  EXPECT_NE(log.find("this time with data.dir: \"" + folder + "/moved\" (--set), was \"" + folder + "/own\""),
            std::string::npos)
      << log;
  EXPECT_NE(read(out() + "/report.html").find("again"), std::string::npos);
}

// As at the start, --set is stronger than the environment, and the environment than what else said it.
TEST_F(Start, TheEnvironmentMovesAResumedRun) {
  const std::string place = "cd " + folder + " && ";
  const std::string settings = " --quiet --set run.device=cpu --set run.threads=1 ";
  std::ofstream(folder + "/r.toml") << "schema = 2\n[data]\ndir = \"nowhere\"\nname = \"cifar10\"\n"
                                       "[model]\ndepth = 10\nwidth = 1\nbase_channels = 2\nfirst_stride = 2\n"
                                       "[ssl]\nbatch = 4\nmu = 1\nepochs = 1\nsteps_per_epoch = 3\n"
                                       "[acquisition]\nbudget = 10\ninitial = 10\nrounds = 0\n";
  ASSERT_EQ(run("data make " + folder + "/a --set data.train_size=100 --set data.test_size=20").code, 0);
  for (int k = 1; k < 30 && !fs::exists(folder + "/run/run.json"); ++k)  // killed as soon as it is a run
    EXPECT_EQ(shell(place + "CRC_FAULT=rename:" + std::to_string(k) + ":kill CRC_DATA_DIR=a exec " + kTrain +
                    " run r.toml --out run" + settings)
                  .code,
              137);
  fs::rename(folder + "/a", folder + "/b");
  EXPECT_EQ(shell(place + "exec " + kTrain + " resume run").code, 66);
  EXPECT_EQ(shell(place + "CRC_THREADS=x exec " + kTrain + " resume run").code, 66);  // --set said it
  const Outcome o = shell(place + "CRC_DATA_DIR=b CRC_SEED=9 exec " + kTrain + " resume run");
  EXPECT_EQ(o.code, 0) << o.words;
  EXPECT_NE(o.words.find("this time with data.dir: \"b\" (CRC_DATA_DIR), was \"a\""), std::string::npos) << o.words;
}

// A directory that version 0.1.0 made, killed in its first round: it goes on with that version's split of the training
// images, whose item numbers are in its ledger.
TEST_F(Start, ARunOfAnEarlierVersionKeepsItsSplit) {
  const fs::path golden = fs::path(CRC_SOURCE_DIR) / "tests/golden/earlier_run";
  fs::copy(golden / "run", out(), fs::copy_options::recursive);
  expect("resume " + out() + " --quiet", 0, "");
  EXPECT_EQ(read(out() + "/labels.jsonl"), read(golden / "labels_in_the_end.jsonl"));
}

}  // namespace
}  // namespace crc::test
