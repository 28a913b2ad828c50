// Where a long acquisition stands, for whoever waits for it. What hears it may throw to end the selection.
#pragma once

#include <cstdint>
#include <functional>

namespace crc::select {

// `done` of `total` units of `what`, which it does now; it may be called often.
using Progress = std::function<void(const char* what, int64_t done, int64_t total)>;

inline void report(const Progress& progress, const char* what, int64_t done, int64_t total) {
  if (progress) progress(what, done, total);
}

}  // namespace crc::select
