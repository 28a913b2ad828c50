#include "apps/sweep/gpus.h"

#include <cstdlib>
#include <sstream>

#include "kernels/core/context.h"

namespace crc::apps {

std::vector<std::string> visible_gpus() {
  const size_t count = size_t(Context::gpus());
  std::vector<std::string> gpus;
  if (const char* named = std::getenv("CUDA_VISIBLE_DEVICES")) {
    std::istringstream list(named);
    for (std::string gpu; gpus.size() < count && std::getline(list, gpu, ',');) gpus.push_back(gpu);
  } else {
    for (size_t k = 0; k < count; ++k) gpus.push_back(std::to_string(k));
  }
  return gpus;
}

std::vector<std::string> spread(const std::vector<std::string>& gpus, int64_t parallel) {
  const size_t processes = size_t(parallel), count = gpus.size();
  std::vector<std::string> places(processes);
  if (count < 2) return places;
  for (size_t p = 0; p < processes; ++p) {
    std::string own;
    for (size_t k = p % count; k < count; k += processes) own += (own.empty() ? "" : ",") + gpus[k];
    places[p] = "CUDA_VISIBLE_DEVICES=" + own;
  }
  return places;
}

}  // namespace crc::apps
