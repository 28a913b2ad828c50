// Out of memory, for what: take(), with the name of what the memory is for in front of its error.
#pragma once

#include "kernels/core/error.h"

namespace crc {

template <class F> auto take_for(const char* what, F&& take) {
  try {
    return take();
  } catch (const Error& error) {
    if (error.code() != ExitCode::out_of_memory) throw;
    fail(ExitCode::out_of_memory, "'" + std::string(what) + "': " + error.what());
  }
}

}  // namespace crc
