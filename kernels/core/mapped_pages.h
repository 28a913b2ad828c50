// Memory that is a file's, mapped: a pass that needs its rows but once need not keep them. What maps files says how
// (data/file.cpp); other memory is never touched. And memory that asks for large pages.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace crc {

// Pages that lie wholly in [begin, begin + bytes) of a mapped file leave this process; they come back when they are read.
using ReleasePages = void (*)(const void* begin, size_t bytes);
inline std::atomic<ReleasePages> g_release_pages = nullptr;

inline void release_pages(const void* begin, size_t bytes) {
  if (const ReleasePages release = g_release_pages) release(begin, bytes);
}

// Advice that memory just reserved be mapped in huge pages: rows of a large array that are read in no order cost as much
// time to find in pages of 4 KB as to read.
inline void advise_huge_pages(void* begin, size_t bytes) {
  constexpr uintptr_t kHugePage = 2 << 20;
  const uintptr_t at = reinterpret_cast<uintptr_t>(begin), first = (at + kHugePage - 1) / kHugePage * kHugePage;
  if (at + bytes > first) (void)madvise(reinterpret_cast<void*>(first), at + bytes - first, MADV_HUGEPAGE);
}

}  // namespace crc
