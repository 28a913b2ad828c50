// Profiler ranges (NVTX), one per op.
#pragma once

#include <nvtx3/nvToolsExt.h>

namespace crc {
inline void trace_push(const char* name) { nvtxRangePushA(name); }
inline void trace_pop() { nvtxRangePop(); }
}  // namespace crc
