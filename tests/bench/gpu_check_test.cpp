// scripts/gpu-check.sh where there is no GPU: it must say so and touch nothing.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

namespace crc::bench {
namespace {

namespace fs = std::filesystem;

class GpuCheck : public testing::Test {
 protected:
  GpuCheck() {
    fs::create_directories(folder / "bin");
    std::ofstream(folder / "bin/nvidia-smi") << "#!/bin/sh\nexit 9\n";  // also on a machine that has a GPU
    fs::permissions(folder / "bin/nvidia-smi", fs::perms::owner_all);
  }
  ~GpuCheck() override { fs::remove_all(folder); }

  int run(const std::string& arguments) {
    const std::string command = "PATH=" + (folder / "bin").string() +
                                ":$PATH " CRC_SOURCE_DIR "/scripts/gpu-check.sh " + arguments + " >" +
                                (folder / "words").string() + " 2>&1";
    const int status = std::system(command.c_str());
    std::ifstream in(folder / "words");
    words.assign(std::istreambuf_iterator<char>(in), {});
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const fs::path folder = fs::path(testing::TempDir()) / ("gpu_check_" + std::to_string(::getpid()));
  std::string words;
};

TEST_F(GpuCheck, RefusesAMachineWithoutAGpu) {
  EXPECT_EQ(run("--out " + (folder / "out").string()), 69);
  EXPECT_EQ(words,
            "gpu-check: nvidia-smi finds no GPU on this machine; run this where there is one, or give --rehearse\n");
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST_F(GpuCheck, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(run("--part everything"), 64);
  EXPECT_EQ(words, "gpu-check: no part everything (see the first lines of this file)\n");
  EXPECT_EQ(run("--fast yes"), 64);
  EXPECT_EQ(run("--minutes"), 64);
}

// The time limits of the steps of part `first`, as the script has them for a GPU.
TEST_F(GpuCheck, TheFirstPartTakesEightMinutesAtMost) {
  std::ifstream in(CRC_SOURCE_DIR "/scripts/gpu-check.sh");
  const std::string script{std::istreambuf_iterator<char>(in), {}};
  const size_t begin = script.find("if [[ \" ${parts[*]} \" == *\" first \"*"), end = script.find("\n  else", begin);
  ASSERT_NE(begin, std::string::npos);
  const std::string part = script.substr(begin, end - begin);
  const std::regex limits(R"((step|test_layer|bench|peers) ([a-z-]+) ([0-9]+))");
  int total = 0, steps = 0;
  for (std::sregex_iterator it(part.begin(), part.end(), limits), last; it != last; ++it) {
    total += std::stoi((*it)[3]) + ((*it)[1] == "bench" ? 20 : 0);
    ++steps;
  }
  std::smatch training;
  ASSERT_TRUE(std::regex_search(script, training, std::regex("train_limit=([0-9]+)")));
  EXPECT_EQ(steps, 8);
  EXPECT_LE(total + std::stoi(training[1]), 480);
}

TEST_F(GpuCheck, AsksForThePartsOfABundleThatAreMissing) {
  EXPECT_EQ(run("--unpack " + folder.string() + " --into " + (folder / "new").string()), 66);
  fs::create_directories(folder / "parts");
  std::ofstream(folder / "parts/parts.sha256") << std::string(64, '0') << "  programs.aa\n";
  EXPECT_EQ(run("--unpack " + (folder / "parts").string() + " --into " + (folder / "new").string()), 0);
  EXPECT_EQ(words, "gpu-bundle: still missing: programs.aa; bring them and call again\n");
  std::ofstream(folder / "parts/programs.aa") << "damaged";
  EXPECT_EQ(run("--unpack " + (folder / "parts").string() + " --into " + (folder / "new").string()), 65);
  EXPECT_NE(words.find("gpu-bundle: a part is damaged"), std::string::npos) << words;
}

TEST_F(GpuCheck, MakesNoBundleInAFolderThatIsInUse) { EXPECT_EQ(run("--bundle " + folder.string()), 73); }

}  // namespace
}  // namespace crc::bench
