// What settings of place and seed really do, and what run.json says of the machine.
#include <nlohmann/json.hpp>

#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kDigits = " --set data.name=street_digits --set data.train_size=200 --set data.test_size=50";
const std::string kSettingsRun =
    kDigits +
    " --set model.depth=10 --set model.width=1 --set model.base_channels=2 --set model.first_stride=2 --set ssl.batch=4"
    " --set ssl.mu=1 --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set acquisition.initial=10"
    " --set acquisition.rounds=0 --quiet";

class RunSettings : public Outside {
 protected:
  nlohmann::json facts(const std::string& run) const {
    return nlohmann::json::parse(read(folder + "/" + run + "/run.json"));
  }
  std::string fingerprint(const std::string& arguments) const {
    const std::string words = expect("data info " + arguments, 0, "fingerprint");
    const size_t at = words.find("fingerprint");
    return words.substr(at, words.find('\n', at) - at);
  }
};

TEST_F(RunSettings, ThreadsCountWithTheDefaultDevice) {
  expect("run --set run.threads=1 --out " + folder + "/one" + kSettingsRun, 0, "");
  const Outcome three = shell("CRC_THREADS=3 exec " + kTrain + " run --out " + folder + "/three" + kSettingsRun);
  EXPECT_EQ(three.code, 0) << three.words;
  const std::string device = facts("one").at("device");
  if (!device.starts_with("cpu")) GTEST_SKIP() << "auto is " << device;
  EXPECT_EQ(device, "cpu, 1 threads");
  EXPECT_EQ(facts("three").at("device"), "cpu, 3 threads");
  const Outcome doctor = shell("CRC_THREADS=1 exec " + kTrain + " doctor");
  EXPECT_NE(doctor.words.find("cpu, 1 threads"), std::string::npos) << doctor.words;
  EXPECT_EQ(read(folder + "/one/rounds/00/weights.safetensors"), read(folder + "/three/rounds/00/weights.safetensors"));
}

TEST_F(RunSettings, TheRunSaysWhatComputed) {
  expect("run --set run.device=cpu --out " + folder + "/run" + kSettingsRun, 0, "");
  const nlohmann::json run = facts("run");
  EXPECT_EQ(run.at("determinism"), "strict");
  for (const char* name : {"oneDNN", "OpenBLAS", "LAPACK"}) {
    const std::string version = run.at("libraries").at(name);
    EXPECT_TRUE(version[0] >= '0' && version[0] <= '9') << name << " " << version;
  }
  EXPECT_NE(run.at("libraries").at("OpenBLAS").get<std::string>().find(" kernels"), std::string::npos);
}

TEST_F(RunSettings, TheDatasSeedZeroIsZero) {
  const std::string one = fingerprint("--set data.seed=1" + kDigits);
  EXPECT_EQ(fingerprint(kDigits), one);
  EXPECT_NE(fingerprint("--set data.seed=0" + kDigits), one);
  // In files of earlier versions it was 1, and they say so with their schema.
  for (const auto& [schema, words] : {std::pair("1", "seed = 1 "), {"2", "seed = 0 "}}) {
    std::ofstream(folder + "/r.toml") << "schema = " << schema << "\n[data]\nseed = 0\n";
    const std::string plan = expect("run " + folder + "/r.toml --dry-run" + kSettingsRun, 0, words);
    EXPECT_NE(plan.find(std::string("r.toml:3") + (*schema == '1' ? " (0 in schema 1)" : "\n")), std::string::npos);
  }
  std::ofstream(folder + "/r.toml") << "schema = 3\n";
  expect("run " + folder + "/r.toml --dry-run", 78, "r.toml:1: schema = 3; this program reads schema 1 and 2");
}

// Begun by version 0.1 at a8aa848, with data.seed = 0 in its config.toml.
TEST_F(RunSettings, ARunOfAnEarlierVersionGoesOnWithItsImages) {
  const std::string run = folder + "/run";
  fs::copy(CRC_SOURCE_DIR "/tests/golden/run-schema-1", run, fs::copy_options::recursive);
  EXPECT_NE(read(run + "/config.toml").find("\nseed = 0  "), std::string::npos);
  expect("resume " + run + " --quiet", 0, "");
  EXPECT_NE(read(run + "/labels.jsonl").find("\"hash\":\"71b98d19fb8b8d6b1b5047ecb24ba42b\""), std::string::npos);
  expect("report " + run, 0, "report.html");
}

}  // namespace
}  // namespace crc::test
