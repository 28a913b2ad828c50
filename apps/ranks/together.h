// A program as one of several processes that whoever started it meant to work together: mpirun, srun, or a test.
#pragma once

#include <functional>

#include "kernels/core/ranks.h"

namespace crc::apps {

// Runs `body` in each of them. All end with the same exit code: that of the first that failed. Only rank 0 speaks, also
// for the others (apps/base/terminal.h), and says what `body` threw. Alone where the program was started alone, and with
// CRC_RANKS=off. Error device_unavailable: no adapter to MPI.
int run_together(const char* program, const std::function<void(Ranks&)>& body);

}  // namespace crc::apps
