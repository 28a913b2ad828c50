// Programs from outside: how they end and what they say, with a folder that the test may fill.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace crc::test {

namespace fs = std::filesystem;

struct Outcome {
  int code;           // exit code, or 128 + the signal
  std::string words;  // stdout and stderr
};

inline Outcome shell(const std::string& command) {
  FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "r");
  std::string words;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) words.append(buffer, n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), words};
}

inline const std::string kTrain = CRC_BINARY_DIR "/crc_train", kSelect = CRC_BINARY_DIR "/crc_select",
                         kBench = CRC_BINARY_DIR "/crc_bench";

// In front of a program: a CPU without AVX512-BF16, by the variable that oneDNN reads.
inline const std::string kNoBf16 = "ONEDNN_MAX_CPU_ISA=AVX2 ";

// crc_train in the background, for what may happen to it.
class Background {
 public:
  explicit Background(const std::string& arguments) : pid_(fork()) {
    if (pid_ > 0) return;
    execl("/bin/sh", "sh", "-c", ("exec " + kTrain + " " + arguments + " > /dev/null").c_str(), nullptr);
    _exit(127);
  }
  pid_t pid() const { return pid_; }
  int after(int milliseconds, int signal) {  // its exit code, once it has ended
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

class Outside : public ::testing::Test {
 protected:
  Outside() {
    char name[] = "/tmp/crc-test-XXXXXX";
    folder = mkdtemp(name);
  }
  ~Outside() override { fs::remove_all(folder); }

  virtual Outcome run(const std::string& arguments) const { return shell("exec " + kTrain + " " + arguments); }
  // Runs; checks the exit code and that these words are among what it says; returns all it says.
  std::string expect(const std::string& arguments, int code, const std::string& words) const {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.code, code) << arguments << "\n" << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << arguments << "\n" << o.words;
    return o.words;
  }
  std::string read(const fs::path& path) const {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in.good()) << path;
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
  }
  std::string folder;
};

}  // namespace crc::test
