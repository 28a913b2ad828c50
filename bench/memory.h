// The peak resident set of this process (Linux: VmHWM of /proc/self/status).
#pragma once

namespace crc::bench {

void reset_peak_memory();  // gives free memory back first; where the kernel refuses, the peak stays that of the process
double peak_memory_mb();   // 0 where it is not known

}  // namespace crc::bench
