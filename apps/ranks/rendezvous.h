// Processes that no MPI joins, on any machines: by TCP, as RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say, which torchrun
// sets, or whoever starts them. Process 0 listens there, tells all where the others listen, and each two have a connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/core/ranks.h"

namespace crc::apps {

struct Rendezvous {
  int rank, size;
  std::string address;  // of process 0: a name or a number
  int port;
  double seconds = 300;  // that whoever comes first waits for the last

  static constexpr int kPort = 29500;  // where MASTER_PORT is not set; torchrun's own
};

// Error config: a port, rank or number of processes that there cannot be; device_unavailable: who did not come in time,
// or an address or port that cannot be had.
std::unique_ptr<Transport> tcp_transport(const Rendezvous& rendezvous);

}  // namespace crc::apps
