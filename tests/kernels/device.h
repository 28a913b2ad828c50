// Which devices the tests of kernels run on: the CPU always, CUDA where a GPU is found (or, in the emulator's build of
// the same tests, the emulated one). CRC_REQUIRE_CUDA=1 turns a missing GPU into a failure.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/core/context.h"

namespace crc::test {

inline bool cuda_required() {
  const char* v = std::getenv("CRC_REQUIRE_CUDA");
  return v && std::string(v) == "1";
}

inline std::vector<std::string> devices() {
  std::vector<std::string> found{"cpu"};
  try {
    Context::cuda();
    found.push_back("cuda");
  } catch (const Error& e) {
    if (cuda_required()) found.push_back("cuda");  // its tests fail, and say why
  }
  return found;
}

// A fixture with a context on the device named by the parameter.
class OnDevice : public ::testing::TestWithParam<std::string> {
 protected:
  OnDevice() : context(Context::from_name(GetParam())) {}
  Context context;
};

// Convolutions and products in bf16 are the libraries'; everything else in bf16 runs anywhere.
#define CRC_SKIP_WITHOUT_BF16(context) \
  if (!(context).has_bf16()) GTEST_SKIP() << "this CPU lacks AVX512-BF16"

#define CRC_ON_EACH_DEVICE(Fixture)                                                \
  INSTANTIATE_TEST_SUITE_P(, Fixture, ::testing::ValuesIn(::crc::test::devices()), \
                           [](const auto& info) { return info.param; })

}  // namespace crc::test
