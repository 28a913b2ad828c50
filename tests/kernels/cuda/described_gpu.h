// What the probes of cuDNN share: GPUs that are not here, as cuDNN's device-properties records (from public specifications:
// t4, rtx3090, a100, rtx4090, h200, b200, rtx5090 are sm_75, 86, 80, 89, 90, 100, 120), and the convolutions of WRN-28-2.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kernels/core/conv_problem.h"
#include "kernels/cuda/cudnn_graph.h"

namespace crc::test {

constexpr int64_t kProbeImages = 960;  // of a FixMatch step

inline cudnn::Target described_gpu(const std::string& name) {
  std::ifstream file(CRC_SOURCE_DIR "/tests/kernels/cuda/" + name + ".json");
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(json.empty()) << name;
  return cudnn::described_target(json);
}

// Each kind once.
inline std::vector<ConvProblem> wrn_convolutions(Dtype dtype, bool tf32 = false) {
  constexpr int64_t kShapes[][5] = {// c, k, side, r, stride
                                    {3, 16, 32, 3, 1},   {16, 32, 32, 3, 1}, {32, 32, 32, 3, 1}, {16, 32, 32, 1, 1},
                                    {32, 64, 32, 3, 2},  {64, 64, 16, 3, 1}, {32, 64, 32, 1, 2}, {64, 128, 16, 3, 2},
                                    {128, 128, 8, 3, 1}, {64, 128, 16, 1, 2}};
  std::vector<ConvProblem> all;
  for (const auto& [c, k, side, r, stride] : kShapes)
    all.push_back({kProbeImages, side, side, c, k, r, stride, r / 2, dtype, tf32});
  return all;
}

}  // namespace crc::test
