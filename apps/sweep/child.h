// This program again, as child processes: the cells of a sweep are ordinary runs, each in its own process and directory,
// so one that fails harms no other and each can be resumed by hand.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace crc::apps {

struct Job {
  std::vector<std::string> arguments;  // of this program, without its name
  // Set by run_jobs:
  int exit_code = -1;      // 128 + signal if one killed it
  std::string words = {};  // the end of what it wrote to stderr
};

// Runs all jobs, one in each place at a time, and calls `tick` about five times a second with how many have ended. A
// place is a variable that its jobs find in their environment, "NAME=value", or "" for none. A stop signal is passed on
// to the children; returns false then, after they have ended.
bool run_jobs(std::vector<Job>& jobs, const std::vector<std::string>& places,
              const std::function<void(int ended)>& tick);

}  // namespace crc::apps
