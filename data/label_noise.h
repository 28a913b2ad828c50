// What a simulated annotator answers who errs: an experiment's knob, of which training knows nothing.
#pragma once

#include <cstdint>
#include <vector>

namespace crc::data {

// Which items the labels are of: each kind has draws of its own.
enum class Annotated : uint32_t { train, validation };

// Each label [N] is wrong with probability `rate`, then one of the other classes, all equally likely. Item i's answer is
// a function of (seed, i) alone, whoever asks and when, and what is wrong at one rate is wrong in the same way at a
// higher one. -1 (unknown) stays.
std::vector<int32_t> with_label_noise(std::vector<int32_t> labels, int64_t classes, double rate, uint32_t seed,
                                      Annotated which = Annotated::train);

}  // namespace crc::data
