// Memory that is a file's, mapped: a pass that needs its rows but once need not keep them. What maps files says how
// (data/file.cpp); other memory is never touched.
#pragma once

#include <atomic>
#include <cstddef>

namespace crc {

// Pages that lie wholly in [begin, begin + bytes) of a mapped file leave this process; they come back when they are read.
using ReleasePages = void (*)(const void* begin, size_t bytes);
inline std::atomic<ReleasePages> g_release_pages = nullptr;

inline void release_pages(const void* begin, size_t bytes) {
  if (const ReleasePages release = g_release_pages) release(begin, bytes);
}

}  // namespace crc
