// One operation on one image of the host, by name or by id, and the list of operations for programs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernels/augment/registry.h"
#include "kernels/core/view.h"

namespace crc::augment {

struct OpInfo {
  const char* name;     // as in registry.def
  Parameter parameter;  // low == high: the operation takes no value
};
std::span<const OpInfo> names();  // in the order of OpId

// The image [H,W,3] after the operation, the same size; each side at most 8192. `value` is the operation's own
// parameter. Errors (usage): an unknown name, a value outside the operation's range; (config): an image too large.
std::vector<uint8_t> apply(const std::string& name, double value, View<const uint8_t, 3> image);

// One operation of a chain, without checks; out [height, width] must not overlap the image.
void apply(const PlannedOp& planned, const Image& image, Pixel* out);

}  // namespace crc::augment
