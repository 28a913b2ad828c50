// How many threads a backend, or the OpenMP library by its environment, may be asked for.
#pragma once

namespace crc {

// Far more crash the OpenMP library, which keeps a record of each on the stack.
inline constexpr int kMostThreads = 4096;

void check_threads(int threads);  // Error usage outside 1..kMostThreads

}  // namespace crc
