// What the programs say of the device that they take: "auto" in one line, and why it is not the GPU.
#include <nlohmann/json.hpp>

#include "kernels/core/context.h"
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

class DeviceChoice : public Outside {
 protected:
  // With a driver that is too old, where that plays a role.
  Outcome with_old_driver(const std::string& arguments) {
    return shell(before + "LD_LIBRARY_PATH=" CRC_BINARY_DIR "/tests/old_driver " + kTrain + " " + arguments);
  }
  std::string before;  // more of the environment
  const std::string why = kCudaBuild ? "not cuda:0: the NVIDIA driver is for CUDA 12.4, and this build needs one for"
                                     : "not cuda:0: this build has no CUDA backend";
  const std::string run =
      "run demo --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set acquisition.rounds=0 "
      "--set run.threads=1 --out " +
      folder + "/run";
};

TEST_F(DeviceChoice, DoctorSaysWhyAutoIsTheCpu) {
  const Outcome doctor = with_old_driver("doctor");
  EXPECT_EQ(doctor.code, 0) << doctor.words;
  EXPECT_NE(doctor.words.find("device       auto: cpu, "), std::string::npos) << doctor.words;
  EXPECT_NE(doctor.words.find(why), std::string::npos) << doctor.words;
}

TEST_F(DeviceChoice, AskedForItIsAnError) {
  const Outcome doctor = with_old_driver("doctor --device cuda");
  EXPECT_EQ(doctor.code, 69) << doctor.words;
  EXPECT_NE(doctor.words.find("or use the CPU (run.device = \"cpu\", --device cpu)"), std::string::npos)
      << doctor.words;
}

TEST_F(DeviceChoice, ARunSaysItOnceAndRecordsIt) {
  const Outcome outcome = with_old_driver(run + " --set run.device=auto");
  EXPECT_EQ(outcome.code, 0) << outcome.words;
  const size_t at = outcome.words.find("device auto: cpu, 1 threads; " + why);
  EXPECT_NE(at, std::string::npos) << outcome.words;
  EXPECT_EQ(outcome.words.find("device auto", at + 1), std::string::npos) << outcome.words;
  const auto facts = nlohmann::json::parse(read(folder + "/run/run.json"));
  EXPECT_EQ(facts.at("device"), "cpu, 1 threads");
  EXPECT_EQ(facts.at("precision"), "fp32");
  EXPECT_NE(facts.at("device_choice").get<std::string>().find("auto: cpu, 1 threads; " + why), std::string::npos);
}

// The precision that the device takes is the run's from then on. tf32 is allowed, not asked for.
TEST_F(DeviceChoice, ThePrecisionIsSaidAndKept) {
  const std::string on_cpu = run + " --set run.device=cpu --set run.precision=tf32";
  const Outcome plan = shell(kTrain + " " + on_cpu + " --dry-run");
  EXPECT_NE(plan.words.find("device   cpu, 1 threads; training in fp32\n"), std::string::npos) << plan.words;
  EXPECT_EQ(shell(kTrain + " " + on_cpu + " --quiet").code, 0);
  const std::string config = read(folder + "/run/config.toml");
  EXPECT_NE(config.find("precision = \"fp32\""), std::string::npos) << config;
  EXPECT_NE(config.find("# tf32 on cpu\n"), std::string::npos) << config;
  EXPECT_NE(read(folder + "/run/report.html").find("precision"), std::string::npos);
}

TEST_F(DeviceChoice, ASweepIsRefusedBeforeItBegins) {
  const std::string sweep = "sweep table6 --trials 1 --set data.name=street_digits --set run.precision=bf16 ";
  const std::string at = "--out " + folder + "/sweep ";
  before = kNoBf16;
  for (const std::string& how : {at, at + "--set run.device=cpu ", std::string("--dry-run ")}) {
    const Outcome refused = with_old_driver(sweep + how);
    EXPECT_EQ(refused.code, 78) << how << refused.words;
    EXPECT_NE(refused.words.find("run.precision = \"bf16\" needs a CUDA device from sm_80 on"), std::string::npos)
        << refused.words;
  }
  EXPECT_FALSE(fs::exists(folder + "/sweep"));
  EXPECT_EQ(with_old_driver(sweep + at + "--slurm " + folder + "/job.sh").code, 0) << "other machines train it";
}

TEST_F(DeviceChoice, ANamedDeviceNeedsNoWords) {
  const Outcome outcome = with_old_driver(run + " --set run.device=cpu");
  EXPECT_EQ(outcome.code, 0) << outcome.words;
  EXPECT_EQ(outcome.words.find("device auto"), std::string::npos) << outcome.words;
  EXPECT_FALSE(nlohmann::json::parse(read(folder + "/run/run.json")).contains("device_choice"));
}

}  // namespace
}  // namespace crc::test
