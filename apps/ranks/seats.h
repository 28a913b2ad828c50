// Which GPU each of several processes has: one of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/core/ranks.h"

namespace crc::apps {

// All processes call it. `machine`: what this one's is called, for errors; `mine`: the GPUs that it may take, each by a
// name that is its own in the world. The place in it of the first that no process before this one has; nothing where
// process 0 may take none. Error config, in all of them: another is left without.
std::optional<size_t> take_seat(Ranks& ranks, const std::string& machine, const std::vector<std::string>& mine);

}  // namespace crc::apps
