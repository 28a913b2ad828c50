// scripts/gpu-check.sh --rehearse: its steps on the CPU, of the programs that this build has.
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

class Rehearsal : public Outside {
 protected:
  Outcome rehearse(const std::string& parts) const {
    return shell("export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive; exec " CRC_SOURCE_DIR
                 "/scripts/gpu-check.sh --rehearse --build " CRC_BINARY_DIR " --minutes 0 --out " +
                 folder + "/r" + parts);
  }
  std::string results() const { return folder + "/r/results.txt"; }
};

TEST_F(Rehearsal, BenchmarksTrainsAndQueries) {
  const bool bench = fs::exists(CRC_BINARY_DIR "/crc_bench");
  const std::string parts = std::string(" --part train-fp32 --part sanitizers") + (bench ? " --part bench" : "");
  const Outcome first = rehearse(parts);
  EXPECT_EQ(first.code, 0) << first.words << read(results());
  for (const std::string step : {"train-fp32", "bench-all-steps", "bench-all-kernels"})
    EXPECT_EQ(first.words.find("@ " + step + " passed ") != std::string::npos, bench || step == "train-fp32")
        << first.words;
  EXPECT_NE(first.words.find("@ sanitizers not-run: "), std::string::npos) << first.words;
  EXPECT_TRUE(fs::exists(folder + "/r/best-fp32.safetensors"));
  EXPECT_NE(read(results()).find("\nquery:\nitem,group,score\n"), std::string::npos);
  EXPECT_EQ(fs::exists(folder + "/r/all-kernels.jsonl"), bench);
  const Outcome again = rehearse(parts);  // what has passed is not run again
  EXPECT_EQ(again.code, 0) << again.words;
  EXPECT_NE(again.words.find("train-fp32: has passed before\n"), std::string::npos) << again.words;
}

TEST_F(Rehearsal, SaysWhatFailed) {
  const std::string bin = folder + "/build/";
  fs::create_directories(bin + "tests");
  for (const char* name : {"crc_train", "tests/kernels_test", "tests/nn_test", "tests/ssl_test", "tests/crc_test"}) {
    std::ofstream(bin + name) << "#!/bin/sh\necho of " << name << "\n"
                              << (std::string(name) == "tests/nn_test" ? "exit 3\n" : "");
    fs::permissions(bin + name, fs::perms::owner_all);
  }
  const Outcome o = rehearse(" --part tests --build " + bin);
  EXPECT_EQ(o.code, 1) << o.words;
  for (const char* line :
       {"@ doctor passed ", "@ tests-kernels passed ", "@ tests-nn FAILED(3) ", "@ tests-crc passed "})
    EXPECT_NE(o.words.find(line), std::string::npos) << line << "\n" << o.words;
  EXPECT_NE(read(results()).find("of tests/nn_test\n"), std::string::npos);  // the words of a step stay in the file
}

}  // namespace
}  // namespace crc::test
