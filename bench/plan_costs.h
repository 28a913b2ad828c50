// What ops do on CUDA, as plan_costs.def has it. The emulator's step test counts it.
#pragma once

#include "kernels/core/trace.h"

namespace crc::bench {

int64_t kernels_of(const Trace::Op& op);  // those of libraries included
int64_t reads_of(const Trace::Op& op);    // of each input
int64_t count(const Trace::Array& array);
bool may_join(const Trace::Op& op);     // a convolution that may add its last array on the way
bool has_rounded(const Trace::Op& op);  // a convolution in bf16 whose weights come in bf16, too

}  // namespace crc::bench
