// crc_select as several processes, joined by sockets as MPI would join them.
#pragma once

#include <fcntl.h>

#include <chrono>

#include "apps/ranks/sockets.h"
#include "tests/errors/select_fixture.h"

namespace crc::test {

class SelectTogether : public SelectFixture {
 protected:
  SelectTogether() {
    const auto part = [&](const char* name, int64_t begin, int64_t end) {
      write<float>(name, {features.begin() + begin * kWidth, features.begin() + end * kWidth}, {end - begin, kWidth});
    };
    part("h0.npy", 0, 7), part("h1.npy", 7, 41), part("h2.npy", 41, kItems);
  }

  struct Ended {
    std::vector<int> codes;
    std::vector<std::string> words;
  };
  // One process for each of `arguments`, or any other command that does not begin with an option. Who has not ended
  // after a minute is killed, and fails the test.
  Ended together(const std::vector<std::string>& arguments) const {
    const int size = int(arguments.size());
    const auto mesh = apps::socket_mesh(size);
    std::vector<pid_t> processes;
    for (int r = 0; r < size; ++r) {
      const pid_t pid = fork();
      if (pid == 0) start(arguments[size_t(r)], r, mesh);
      processes.push_back(pid);
    }
    for (const auto& row : mesh)
      for (int fd : row)
        if (fd >= 0) close(fd);
    Ended ended{std::vector<int>(size_t(size), -1), {}};
    const auto start = std::chrono::steady_clock::now();
    for (int r = 0; r < size; ++r) {
      int status = 0;
      while (waitpid(processes[size_t(r)], &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() - start > std::chrono::minutes(1)) {
          ADD_FAILURE() << "process " << r << " hangs: " << arguments[size_t(r)];
          kill(processes[size_t(r)], SIGKILL);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      ended.codes[size_t(r)] = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      ended.words.push_back(read("words" + std::to_string(r)));
    }
    return ended;
  }
  Ended together(int size, const std::string& arguments) const {
    return together(std::vector<std::string>(size_t(size), arguments));
  }
  void expect_all(const Ended& ended, int code, const std::string& words) const {
    for (size_t r = 0; r < ended.codes.size(); ++r) {
      EXPECT_EQ(ended.codes[r], code) << r << ": " << ended.words[r];
      if (r > 0) {
        EXPECT_EQ(ended.words[r], "") << "only rank 0 speaks";
      }
    }
    EXPECT_NE(ended.words[0].find(words), std::string::npos) << ended.words[0];
  }

  const std::string many = "--features h0.npy h1.npy h2.npy --logits p.npy --labeled l.npy ";

 private:
  [[noreturn]] void start(const std::string& arguments, int rank, const std::vector<std::vector<int>>& mesh) const {
    std::string words = std::to_string(rank) + ":";
    for (size_t r = 0; r < mesh.size(); ++r) {
      words += (r > 0 ? "," : "") + std::to_string(mesh[size_t(rank)][r]);
      for (int fd : mesh[r])
        if (int(r) != rank && fd >= 0) close(fd);
    }
    setenv("CRC_RANKS", words.c_str(), 1);
    const int out = open((folder + "/words" + std::to_string(rank)).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, STDOUT_FILENO), dup2(out, STDERR_FILENO);
    const bool ours = arguments.starts_with("--");
    const std::string command = "cd " + folder + "; exec " + (ours ? program("--threads 1 " + arguments) : arguments);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
};

}  // namespace crc::test
