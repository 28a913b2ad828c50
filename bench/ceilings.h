// The machine's limits, measured in the run whose percentages refer to them, with the program's own threads: the best
// sample each, because a ceiling that another process lowered is none.
#pragma once

#include <string>

#include "bench/harness.h"

namespace crc::bench {

// FLOP/s and byte/s.
struct Ceilings {
  double fp32 = 0;       // CUDA: gemm 8192^3; CPU: the faster of gemm 1536^3 and conv2d 3x3, 256 -> 256 channels,
                         // for a BLAS may know fewer vector instructions than oneDNN
  double fp64 = 0;       // gemm, 768^3 or 4096^3
  double tensor = 0;     // bf16, where the device has it: the faster of a product about 8192^3 (CPU: 1536^3) and conv2d
                         // 3x3, 256 -> 256 channels
  double bandwidth = 0;  // of a copy too large for caches, bytes read + bytes written
  std::string clocks;    // of the GPU, right after
};

Ceilings measure_ceilings(const std::function<Context()>& make_context, Settings settings);

struct Roofline {
  double us = 0;            // no run can be faster: the larger of the times for arithmetic and for traffic
  const char* bound = "-";  // "compute" or "memory"
};
Roofline roofline(const Case& c, const Ceilings& ceilings);

// The lines that open a report.
std::string describe(const Ceilings& ceilings);

}  // namespace crc::bench
