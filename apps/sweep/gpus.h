// The GPUs of a sweep's processes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crc::apps {

// As CUDA_VISIBLE_DEVICES names them; none where CUDA does not work.
std::vector<std::string> visible_gpus();

// The places of run_jobs (apps/sweep/child.h) for `parallel` processes at a time: each sees GPUs that no other sees, or,
// where there are more processes than GPUs, shares one with as few as possible. Places without a variable if there are
// no two GPUs.
std::vector<std::string> spread(const std::vector<std::string>& gpus, int64_t parallel);

}  // namespace crc::apps
