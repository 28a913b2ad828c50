// More processes of this program on this machine, where no launcher started any: joined by sockets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/core/ranks.h"

namespace crc::apps {

// This process is rank 0 of `size`; the others run the same command line (with the program's name first), and end when
// this one does. Each has its part of the cores as threads, where OMP_NUM_THREADS says nothing. The result waits for
// them when it goes. Error out_of_memory: none can be started.
std::unique_ptr<Transport> local_transport(int size, const std::vector<std::string>& command_line);

}  // namespace crc::apps
