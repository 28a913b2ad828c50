// Images of a data set that are the same, pixel by pixel.
#pragma once

#include "data/dataset.h"

namespace crc::data {

// Adds a note for images that stand in training and in test, and one for those with two labels.
void note_repeats(Dataset& dataset);

}  // namespace crc::data
