// Initial values, a pure function of (seed, parameter, element): the same network whatever is built around it.
#pragma once

#include "nn/params.h"

namespace crc::nn {

// Fills values as each ParamSpec says; running means 0, running variances 1.
void initialize(Context& context, const ParamLayout& layout, const Weights& weights, uint32_t seed);

}  // namespace crc::nn
