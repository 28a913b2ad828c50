#include "bench/memory.h"

#include <malloc.h>

#include <fstream>
#include <string>

namespace crc::bench {

void reset_peak_memory() {
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

double peak_memory_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kib = 0; word == "VmHWM:" && status >> kib) return kib * 1024 / 1e6;
  return 0;
}

}  // namespace crc::bench
