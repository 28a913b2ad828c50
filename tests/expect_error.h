// The code of an Error, and pieces of its message: users read both.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/core/error.h"

namespace crc::test {

inline void expect_error(ExitCode code, const std::vector<std::string>& pieces, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "no error was raised";
  } catch (const Error& error) {
    EXPECT_EQ(int(error.code()), int(code)) << error.what();
    for (const std::string& piece : pieces)
      EXPECT_NE(std::string(error.what()).find(piece), std::string::npos) << error.what() << "\nwithout " << piece;
  }
}

}  // namespace crc::test

namespace crc::apps::test {
using crc::test::expect_error;
}
