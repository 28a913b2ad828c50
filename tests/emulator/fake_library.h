// What the fake math libraries share: state of the backend made at the first call, which a capture must not contain.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <set>

#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda.h"
#include "tests/emulator/emulator.h"

namespace emulator {

// A library's handle: remembers which plans it has made. Making one allocates, as the real library does, so that under
// capture it fails as there.
template <int slot, class Key> struct PlanCache {
  static constexpr int kSlot = slot;
  std::set<Key> made;

  static std::shared_ptr<PlanCache> make(crc::Cuda&) { return std::make_shared<PlanCache>(); }
  static void prepare(crc::Cuda& cuda, const Key& key) {
    PlanCache& cache = cuda.handle<PlanCache>(make);
    if (cache.made.count(key)) return;
    void* workspace = nullptr;
    crc::check_cuda(cudaMalloc(&workspace, 256), "the first call of a library function, before any capture");
    crc::check_cuda(cudaFree(workspace), "free a workspace");
    cache.made.insert(key);
  }
};

// What tensor cores see of a float: the nearest number with the 10 explicit bits of tf32. Not the project's own function
// (kernels/ops/tf32_split.h), which is tested against it.
inline float rounded_to_tf32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  bits = (bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu;
  memcpy(&value, &bits, 4);
  return value;
}

}  // namespace emulator
