// MPI, opened at run time through the adapter (apps/ranks/mpi_adapter.c) of whichever implementation started us.
#pragma once

#include <memory>

#include "kernels/core/ranks.h"

namespace crc::apps {

// Whose processes we are; tcp: nobody's with an MPI (apps/ranks/rendezvous.h).
enum class Launcher : uint8_t { open_mpi, mpich, tcp };

// `size`: how many there are by the variables of the launcher. Error device_unavailable: no adapter, or one of another
// MPI, whose processes do not find each other.
std::unique_ptr<Transport> mpi_transport(Launcher launcher, int size);

}  // namespace crc::apps
