// The error that a call throws, as a test compares it: code and exact text.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/core/error.h"

namespace crc::test {

template <class F> void expect_error(ExitCode code, const std::string& message, F&& call) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(int(e.code()), int(code));
    EXPECT_EQ(e.what(), message);
    return;
  }
  ADD_FAILURE() << "no error; expected: " << message;
}

}  // namespace crc::test
