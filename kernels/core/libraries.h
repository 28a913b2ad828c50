// The libraries that compute on a device, as this process found them; for run.json and `doctor`.
#pragma once

#include <map>
#include <string>

#include "kernels/core/context.h"

namespace crc {

using Libraries = std::map<std::string, std::string>;  // name -> version

Libraries libraries(Cpu&);
Libraries libraries(Cuda&);  // one that is missing is left out: not every run needs each

inline Libraries libraries(Context& context) {
  return context.visit([](auto& backend) { return libraries(backend); });
}

}  // namespace crc
