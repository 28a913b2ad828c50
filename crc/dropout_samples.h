// Monte Carlo dropout of the last layer's input: the logits [S,N,C] of `passes` passes,
//   samples[s,i] = W (m_si * h_i / (1 - rate)) + b,
// each feature kept (m = 1) with probability 1 - rate, by (seed, round, item, pass, feature) in a purpose of its own.
// On the host, in fp64 rounded to fp32: the same numbers whatever device the features are on, and for any number of
// threads. Memory: S N C numbers of fp32.
#pragma once

#include <vector>

#include "crc/acquisition.h"

namespace crc::select {

// features [N,D]; passes >= 1; 0 <= rate < 1.
std::vector<float> dropout_samples(Context& context, View<const float, 2> features, const Head& head, int64_t passes,
                                   double rate, uint32_t seed, int64_t round);

}  // namespace crc::select
