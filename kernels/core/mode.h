// How batch normalisation behaves in a pass. Semi-supervised methods differ exactly here, so every call says it.
#pragma once

#include <cstdint>

namespace crc {

enum class Mode : uint8_t {
  train,               // normalise with the batch's statistics and move the running ones
  train_frozen_stats,  // normalise with the batch's statistics, leave the running ones alone
  eval,                // normalise with the running statistics
};

}  // namespace crc
