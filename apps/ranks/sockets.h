// Processes joined by sockets that they were born with, one between every two: how tests and run.ranks (apps/ranks/local.h)
// make them, without MPI.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/core/ranks.h"

namespace crc::apps {

// sockets [size]: the descriptor that leads to each process, -1 at this one's own place. Closes them in the end.
std::unique_ptr<Transport> socket_transport(int rank, std::vector<int> sockets);

// "1:7,-1,9", a rank and its sockets, as whoever starts the processes writes it into CRC_RANKS. Error usage.
std::unique_ptr<Transport> socket_transport(const std::string& words);

// One pair between every two of `size` processes: the descriptors of each [size][size].
std::vector<std::vector<int>> socket_mesh(int size);

}  // namespace crc::apps
