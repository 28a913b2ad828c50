#include "tests/emulator/memory.h"

#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>

#include "tests/emulator/checker.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/fiber.h"
#include "tests/emulator/report.h"

// Present when the program is linked with AddressSanitizer.
extern "C" __attribute__((weak)) void __asan_poison_memory_region(const volatile void*, size_t);
extern "C" __attribute__((weak)) void __asan_unpoison_memory_region(const volatile void*, size_t);

namespace emulator {
namespace {

constexpr size_t kGap = 512;  // between allocations: no overrun lands in the next one
// cudaMalloc promises an alignment of 256 bytes; give no more than that.
constexpr size_t kPage = 4096, kOffset = 256;
static_assert(kGap >= kOffset);
constexpr size_t kGarbageBytes = 1 << 20;
constexpr int kGarbage = 0xff;

char* arena = nullptr;
char* arena_top = nullptr;
size_t live_bytes = 0;
int access_depth = 0;
std::vector<Allocation> allocations;  // by address: the arena only grows
std::map<char*, char*> live_runs;     // begin to end: pages of live allocations, neighbours in one

void poison(const void* data, size_t bytes) {
  if (__asan_poison_memory_region) __asan_poison_memory_region(data, bytes);
}
void unpoison(const void* data, size_t bytes) {
  if (__asan_unpoison_memory_region) __asan_unpoison_memory_region(data, bytes);
}

void* map(void* where, size_t bytes, int protection, int flags, int file = -1) {
  void* memory = mmap(where, bytes, protection, MAP_PRIVATE | MAP_NORESERVE | flags, file, 0);
  if (memory != MAP_FAILED) return memory;
  perror("emulator: mmap");
  abort();
}

// Nothing else is opened to kernels: the page tables of all that ever was would have to be walked at every launch.
void protect_live(int protection) {
  for (const auto& [begin, end] : live_runs) mprotect(begin, size_t(end - begin), protection);
}

void add_run(char* begin, char* end) {  // behind all others
  const auto last = live_runs.empty() ? live_runs.end() : std::prev(live_runs.end());
  if (last != live_runs.end() && last->second == begin)
    last->second = end;
  else
    live_runs.emplace(begin, end);
}

void remove_run(char* begin, char* end) {
  const auto run = std::prev(live_runs.upper_bound(begin));
  char* const behind = std::exchange(run->second, begin);
  if (run->first == begin) live_runs.erase(run);
  if (end < behind) live_runs.emplace(end, behind);
}

void on_segmentation_fault(int, siginfo_t* info, void*) {
  signal(SIGSEGV, SIG_DFL);
  if (in_arena(info->si_addr))
    fail(
        {},
        access_depth > 0 ? "device memory that was released is touched at %p" : "host code touches device memory at %p",
        info->si_addr);
  if (Fiber::is_overflow(info->si_addr)) fail({}, "a thread's stack overflows");
}  // otherwise the access is repeated, and now kills the program

void reserve_arena() {
  arena = arena_top = static_cast<char*>(map(nullptr, kArenaBytes, PROT_NONE, MAP_ANONYMOUS));
  static char signal_stack[1 << 16];
  const stack_t stack{.ss_sp = signal_stack, .ss_flags = 0, .ss_size = sizeof signal_stack};
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_segmentation_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
}

// A file full of garbage: mapped copy-on-write, it costs nothing where nobody looks.
int garbage_file() {
  static const int file = [] {
    const int f = memfd_create("emulator", 0);
    const std::vector<char> garbage(kGarbageBytes, char(kGarbage));
    if (f < 0 || write(f, garbage.data(), kGarbageBytes) != ssize_t(kGarbageBytes)) abort();
    return f;
  }();
  return file;
}

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }
size_t mapped_for(size_t bytes) { return round_up(kOffset + bytes + kGap, kPage); }  // of an allocation

}  // namespace

std::recursive_mutex& runtime_lock() {
  static std::recursive_mutex mutex;
  return mutex;
}

char* allocate_device(size_t bytes, int device) {
  if (!arena) reserve_arena();
  if (bytes > kDeviceBytes - live_bytes) return nullptr;
  char* begin = arena_top;
  const size_t mapped = mapped_for(bytes);
  if (size_t(arena + kArenaBytes - begin) < mapped) fail({}, "the emulator's address space is used up");
  arena_top += mapped;
  const int protection = access_depth > 0 ? PROT_READ | PROT_WRITE : PROT_NONE;
  for (size_t at = 0; at < mapped; at += kGarbageBytes)
    map(begin + at, std::min(kGarbageBytes, mapped - at), protection, MAP_FIXED, garbage_file());
  char* data = begin + kOffset;
  poison(begin, kOffset);
  unpoison(data, bytes);
  poison(data + bytes, size_t(arena_top - data) - bytes);
  allocations.push_back({data, bytes, true, device});
  add_run(begin, arena_top);
  live_bytes += bytes;
  if (checker) checker->allocated(data, bytes);
  return data;
}

bool release_device(void* data) {
  const Allocation* found = find_allocation(data);
  if (!found || found->data != data || !found->live) return false;
  Allocation& allocation = allocations[size_t(found - allocations.data())];
  allocation.live = false;
  live_bytes -= allocation.bytes;
  poison(data, allocation.bytes);
  if (checker) checker->released(allocation.data, allocation.bytes);
  char* begin = allocation.data - kOffset;
  const size_t mapped = mapped_for(allocation.bytes);
  map(begin, mapped, PROT_NONE, MAP_FIXED | MAP_ANONYMOUS);
  remove_run(begin, begin + mapped);
  return true;
}

size_t allocated_bytes() { return live_bytes; }
bool in_arena(const void* address) { return arena && address >= arena && address < arena + kArenaBytes; }

const Allocation* find_allocation(const void* address) {
  static size_t hit = 0;
  const char* p = static_cast<const char*>(address);
  if (hit < allocations.size() && p >= allocations[hit].data && p < allocations[hit].data + allocations[hit].bytes)
    return &allocations[hit];
  const auto next = std::upper_bound(allocations.begin(), allocations.end(), p,
                                     [](const char* q, const Allocation& a) { return q < a.data; });
  if (next == allocations.begin()) return nullptr;
  hit = size_t(next - allocations.begin()) - 1;
  return &allocations[hit];
}

bool is_device_memory(const void* data, size_t bytes) {
  const Allocation* a = find_allocation(data);
  return a && a->live && static_cast<const char*>(data) + bytes <= a->data + a->bytes;
}

DeviceAccess::DeviceAccess() {
  runtime_lock().lock();
  if (access_depth++ == 0) protect_live(PROT_READ | PROT_WRITE);
}
DeviceAccess::~DeviceAccess() {
  if (--access_depth == 0) protect_live(PROT_NONE);
  runtime_lock().unlock();
}

// ---- shared memory

namespace {

struct Segment {
  char* begin = nullptr;
  size_t bytes = 0;
};
Segment thread_local_segment() {
  Segment segment;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* result) {
        for (int i = 0; i < info->dlpi_phnum; ++i)
          if (info->dlpi_phdr[i].p_type == PT_TLS)
            *static_cast<Segment*>(result) = {static_cast<char*>(info->dlpi_tls_data), info->dlpi_phdr[i].p_memsz};
        return 1;  // the first object is the program itself
      },
      &segment);
  return segment;
}

}  // namespace

const std::vector<Symbol>& shared_variables() {
  static const std::vector<Symbol> variables =  // AddressSanitizer's build has plain statics
      __asan_poison_memory_region ? std::vector<Symbol>() : thread_local_symbols();
  return variables;
}
char* shared_segment() { return thread_local_segment().begin; }
size_t shared_segment_bytes() { return thread_local_segment().bytes; }

char* dynamic_shared_slot() {
  static char* const slot = [] {
    constexpr size_t kSlot = (kMaxSharedBytes / 4096 + 2) * 4096;
    auto* memory = static_cast<char*>(map(nullptr, kSlot, PROT_READ | PROT_WRITE, MAP_ANONYMOUS));
    poison(memory, kSlot);
    return memory + 16;  // 16-byte aligned, as CUDA promises, and no more
  }();
  return slot;
}

void fill_shared_memory(size_t dynamic_bytes) {
  char* slot = dynamic_shared_slot();
  unpoison(slot, dynamic_bytes);
  poison(slot + dynamic_bytes, kMaxSharedBytes + 16 - dynamic_bytes);
  memset(slot, kGarbage, dynamic_bytes);
  if (shared_variables().empty()) return;
  char* segment = shared_segment();
  for (const Symbol& variable : shared_variables()) memset(segment + variable.value, kGarbage, variable.bytes);
}

void* dynamic_shared() { return dynamic_shared_slot(); }

void device_read(const void* data, size_t bytes) {
  if (bytes == 0) return;
  if (!is_device_memory(data, bytes)) fail({}, "a library call reads %zu bytes at %p: not device memory", bytes, data);
  if (checker) checker->must_be_initialized(data, bytes);
}
void device_write(void* data, size_t bytes) {
  if (bytes == 0) return;
  if (!is_device_memory(data, bytes)) fail({}, "a library call writes %zu bytes at %p: not device memory", bytes, data);
  if (checker) checker->written(data, bytes);
}

}  // namespace emulator
