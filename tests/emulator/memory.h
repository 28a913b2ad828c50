// Device memory: a reserved stretch of addresses that only kernels (and other work of a stream) may touch; host code
// that does is stopped. Fresh memory holds 0xff, which is NaN as a float.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "tests/emulator/symbols.h"

namespace emulator {

std::recursive_mutex& runtime_lock();  // the emulator runs on one OS thread at a time

// Addresses, not memory; never used twice, so that stale pointers show.
constexpr size_t kArenaBytes = size_t(256) << 30;

struct Allocation {
  char* data;
  size_t bytes;
  bool live;
  int device;
};

char* allocate_device(size_t bytes, int device);  // null: out of memory
bool release_device(void* data);                  // false: not the begin of an allocation
size_t allocated_bytes();
bool in_arena(const void* address);
const Allocation* find_allocation(const void* address);  // the last one that begins at or before it, or null
// Is [data, data + bytes) within one live allocation?
bool is_device_memory(const void* data, size_t bytes);

// While one exists, device memory can be touched.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
};

// ---- shared memory
// Static ones, by offset in the program's thread-local segment; empty where __shared__ is a plain static.
const std::vector<Symbol>& shared_variables();
char* shared_segment();  // of the calling OS thread
size_t shared_segment_bytes();
char* dynamic_shared_slot();
void fill_shared_memory(size_t dynamic_bytes);  // garbage, before each block

}  // namespace emulator
