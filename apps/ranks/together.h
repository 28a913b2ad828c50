// A program as one of several processes that whoever started it meant to work together: mpirun, srun, or a test.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/core/ranks.h"

namespace crc::apps {

// How many of them this program starts itself on this machine, with the same command line, where no launcher did.
struct LocalProcesses {
  int size = 1;
  std::vector<std::string> command_line = {};
};

// Runs `body` in each of them. All end with the same exit code: that of the first that failed. Only rank 0 speaks, also
// for the others (apps/base/terminal.h), and says what `body` threw. Alone where the program was started alone, and with
// CRC_RANKS=off, unless `local` says otherwise. Error device_unavailable: no adapter to MPI,
// or the others are not found.
int run_together(const char* program, const std::function<void(Ranks&)>& body, const LocalProcesses& local = {});

// Whether mpirun or torchrun started this as one of several. Slurm's tasks may be runs that have nothing to do with each
// other.
bool launched_as_one();

}  // namespace crc::apps
