// The checker: every access of a kernel against CUDA's rules. tests/emulator/hooks.cpp feeds it.
#include "tests/emulator/checker.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/emulator/emulator.h"
#include "tests/emulator/happens_before.h"
#include "tests/emulator/hooks.h"
#include "tests/emulator/memory.h"
#include "tests/emulator/report.h"

namespace emulator {
namespace {

struct Record {  // the last write, or the last reads that are unordered among each other
  const void* code = nullptr;
  uint32_t time = 0;
  int32_t block = -1;
  int16_t thread = 0;
  bool atomic = false, several = false;
  Who who() const { return {block, thread, several}; }
};
struct ShadowCell {
  uint32_t epoch = 0;         // older records belong to an earlier launch, or block: forgotten
  int32_t other_reader = -1;  // a block besides read.block that has read
  uint32_t other_time = 0;
  Record write, read;
};
// Four bytes share a cell until one of them is accessed alone.
struct Word {
  ShadowCell cell;
  ShadowCell* bytes = nullptr;
};

// A stretch of memory with its shadow: what happened to each word, and which bytes are initialised.
struct Region {
  char* begin = nullptr;
  size_t bytes = 0;
  Word* words = nullptr;
  uint8_t* initialized = nullptr;

  bool contains(const char* p) const { return p >= begin && p < begin + bytes; }
  void make_shadow() {
    const auto reserve = [](size_t n) {
      void* memory = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) fail({}, "no address space for the checker's shadow memory");
      return memory;
    };
    words = static_cast<Word*>(reserve((bytes / 4 + 2) * sizeof(Word)));
    initialized = static_cast<uint8_t*>(reserve(bytes + 8));
  }
};

struct Access {
  const char* address;
  size_t bytes;
  bool write, atomic, is_volatile;
  const void* code;
};

class RaceAndBoundsChecker : public Checker {
 public:
  void begin_launch(const Launch& launch) override;
  void begin_block(int block) override;
  void end_launch() override { active_ = false; }
  void begin_graph(const GraphOrder& order) override { branches_.begin(order); }
  void begin_node(int node) override { branches_.begin_node(node); }
  void end_graph() override { branches_.end(); }
  void resume(int thread, const char* stack_begin, const char* stack_end) override;
  void suspend() override { active_ = false; }
  void block_barrier() override { order_.block_barrier(); }
  void warp_barrier(int warp, unsigned lanes) override { order_.warp_barrier(warp, lanes); }
  void fence() override { order_.fence(); }
  void allocated(char* data, size_t bytes) override;
  void released(char* data, size_t bytes) override;
  void written(const void* data, size_t bytes) override {
    memset(initialized(data), 1, bytes);
    check_branches(data, bytes, true);
  }
  void copied(void* to, const void* from, size_t bytes) override {
    memmove(initialized(to), initialized(from), bytes);
    check_branches(from, bytes, false);
    check_branches(to, bytes, true);
  }
  void must_be_initialized(const void* data, size_t bytes) override;

  void access(const Access& a);
  void atomic(const Access& a);

 private:
  uint8_t* initialized(const void* p);
  void check_device_bounds(const Access& a) const;
  void check_shared_bounds(const Access& a);
  void check_elsewhere(const Access& a) const;
  void check_initialized(const Region& region, const Access& a, const char* what) const;
  void check_races(Region& region, uint32_t epoch, const Access& a);
  void check_branches(const void* data, size_t bytes, bool write);
  void check_cell(ShadowCell& cell, uint32_t epoch, const Access& a, const char* address);
  void record_read(ShadowCell& cell, const Access& a);
  [[noreturn]] void race(const char* kind, const char* address, const Record& earlier) const;
  [[noreturn]] void report(const std::string& message) const;
  const char* verb(const Access& a) const { return a.atomic ? "atomic" : a.write ? "write" : "read"; }
  std::string described(const Access& a) const;

  bool active_ = false;
  const char *stack_begin_ = nullptr, *stack_end_ = nullptr;
  const Launch* launch_ = nullptr;
  uint32_t launch_epoch_ = 0, block_epoch_ = 0;
  HappensBefore order_;
  GraphRaces branches_;
  Region device_, static_shared_, dynamic_shared_;
};

RaceAndBoundsChecker instance;
const bool installed = (checker = &instance, true);

// ---- events

void RaceAndBoundsChecker::begin_launch(const Launch& launch) {
  launch_ = &launch;
  ++launch_epoch_;
  order_.begin_launch();
  if (!dynamic_shared_.begin) {
    dynamic_shared_.begin = dynamic_shared_slot();
    dynamic_shared_.bytes = kMaxSharedBytes;
    dynamic_shared_.make_shadow();
    static_shared_.bytes = shared_segment_bytes();
    static_shared_.make_shadow();
  }
  static_shared_.begin = shared_segment();  // of this OS thread
}

void RaceAndBoundsChecker::begin_block(int block) {
  ++block_epoch_;
  order_.begin_block(block);
  memset(dynamic_shared_.initialized, 0, launch_->shared_bytes);
  memset(static_shared_.initialized, 0, static_shared_.bytes);
}

void RaceAndBoundsChecker::resume(int thread, const char* stack_begin, const char* stack_end) {
  order_.set_thread(thread);
  stack_begin_ = stack_begin;
  stack_end_ = stack_end;
  active_ = true;
}

uint8_t* RaceAndBoundsChecker::initialized(const void* p) {
  return device_.initialized + (static_cast<const char*>(p) - device_.begin);
}

void RaceAndBoundsChecker::allocated(char* data, size_t) {
  if (device_.begin) return;
  device_.begin = data - (reinterpret_cast<uintptr_t>(data) & 4095);  // the arena starts at its first allocation
  device_.bytes = kArenaBytes;
  device_.make_shadow();
}

void RaceAndBoundsChecker::released(char* data, size_t bytes) {  // gives the shadow's pages back
  const auto drop = [](void* begin, size_t n) {
    const auto first = (reinterpret_cast<uintptr_t>(begin) + 4095) & ~uintptr_t(4095);
    const auto last = (reinterpret_cast<uintptr_t>(begin) + n) & ~uintptr_t(4095);
    if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  };
  drop(initialized(data), bytes);
  drop(device_.words + (data - device_.begin) / 4, bytes / 4 * sizeof(Word));
}

void RaceAndBoundsChecker::must_be_initialized(const void* data, size_t bytes) {
  const uint8_t* begin = initialized(data);
  const auto* missing = static_cast<const uint8_t*>(memchr(begin, 0, bytes));
  if (missing) fail({}, "a library call reads uninitialised device memory: byte %td of %zu", missing - begin, bytes);
  check_branches(data, bytes, false);
}

// ---- rules

void RaceAndBoundsChecker::report(const std::string& message) const { fail({}, "%s", message.c_str()); }

std::string RaceAndBoundsChecker::described(const Access& a) const {
  return std::string(verb(a)) + " of " + std::to_string(a.bytes) + " bytes";
}

void RaceAndBoundsChecker::check_device_bounds(const Access& a) const {
  const Allocation* allocation = find_allocation(a.address);
  if (!allocation) report("OUT OF BOUNDS: " + described(a) + " in front of all device memory");
  const char* end = allocation->data + allocation->bytes;
  if (!allocation->live) report("OUT OF BOUNDS: " + described(a) + " in freed device memory");
  if (a.address + a.bytes > end)
    report("OUT OF BOUNDS: " + described(a) + ", " + std::to_string(a.address - end) +
           " bytes past the end of device memory of " + std::to_string(allocation->bytes) + " bytes");
}

void RaceAndBoundsChecker::check_shared_bounds(const Access& a) {
  if (dynamic_shared_.contains(a.address)) {
    const size_t offset = size_t(a.address - dynamic_shared_.begin);
    if (offset + a.bytes > launch_->shared_bytes)
      report("OUT OF BOUNDS: " + described(a) + " at byte " + std::to_string(offset) + " of dynamic shared memory of " +
             std::to_string(launch_->shared_bytes) + " bytes");
    return;
  }
  const auto& variables = shared_variables();
  const size_t offset = size_t(a.address - static_shared_.begin);
  const auto next = std::upper_bound(variables.begin(), variables.end(), offset,
                                     [](size_t at, const Symbol& v) { return at < v.value; });
  if (next == variables.begin()) report("OUT OF BOUNDS: " + described(a) + " in front of all shared memory");
  const Symbol& variable = *std::prev(next);
  if (offset + a.bytes > variable.value + variable.bytes)
    report("OUT OF BOUNDS: " + described(a) + " at byte " + std::to_string(offset - variable.value) + " of " +
           variable.name + " of " + std::to_string(variable.bytes) + " bytes");
}

// Neither device nor shared memory: allowed are the thread's stack, the arguments and the program's constants.
void RaceAndBoundsChecker::check_elsewhere(const Access& a) const {
  const auto* arguments = static_cast<const char*>(launch_->arguments.get());
  if (!a.write && a.address >= arguments && a.address < arguments + launch_->argument_bytes) return;
  if (!a.write && in_program(a.address)) return;
  report("HOST MEMORY: " + described(a) + " at an address that is neither device nor shared memory");
}

void RaceAndBoundsChecker::check_initialized(const Region& region, const Access& a, const char* what) const {
  const uint8_t* flags = region.initialized + (a.address - region.begin);
  for (size_t i = 0; i < a.bytes; ++i)
    if (!flags[i]) report("UNINITIALISED: " + described(a) + " of " + what + " memory that nobody wrote");
}

void RaceAndBoundsChecker::access(const Access& a) {
  if (!active_ || (a.address >= stack_begin_ && a.address < stack_end_)) return;
  Region* region = device_.contains(a.address)           ? &device_
                   : dynamic_shared_.contains(a.address) ? &dynamic_shared_
                   : static_shared_.contains(a.address)  ? &static_shared_
                                                         : nullptr;
  if (!region) return check_elsewhere(a);
  const bool on_device = region == &device_;
  on_device ? check_device_bounds(a) : check_shared_bounds(a);
  if (!a.write || a.atomic) check_initialized(*region, a, on_device ? "device" : "shared");
  if (a.write) memset(region->initialized + (a.address - region->begin), 1, a.bytes);
  check_races(*region, on_device ? launch_epoch_ : block_epoch_, a);
  if (on_device) check_branches(a.address, a.bytes, a.write);
}

void RaceAndBoundsChecker::check_branches(const void* data, size_t bytes, bool write) {
  const int other = branches_.access(data, bytes, write);
  if (other >= 0)
    fail({},
         "RACE between branches of a graph: %s of %zu bytes, which work %d of the graph, not ordered with this one "
         "(%d), %s",
         write ? "write" : "read", bytes, other, branches_.node(), write ? "reads or writes" : "writes");
}

void RaceAndBoundsChecker::atomic(const Access& a) {
  if (!active_) return;
  access(a);
  order_.atomic(a.address);
}

void RaceAndBoundsChecker::check_races(Region& region, uint32_t epoch, const Access& a) {
  size_t at = size_t(a.address - region.begin);
  for (const size_t end = at + a.bytes; at < end;) {
    Word& word = region.words[at / 4];
    if (at % 4 == 0 && end - at >= 4 && !word.bytes) {
      check_cell(word.cell, epoch, a, region.begin + at);
      at += 4;
      continue;
    }
    if (!word.bytes) {
      word.bytes = new ShadowCell[4];
      std::fill_n(word.bytes, 4, word.cell);
    }
    check_cell(word.bytes[at % 4], epoch, a, region.begin + at);
    ++at;
  }
}

void RaceAndBoundsChecker::check_cell(ShadowCell& cell, uint32_t epoch, const Access& a, const char* address) {
  if (cell.epoch != epoch) {
    cell = ShadowCell();
    cell.epoch = epoch;
  }
  const auto mine = [&](const Record& r) {
    return r.block == order_.block() && r.thread == order_.thread() && !r.several;
  };
  const auto ordered = [&](const Record& r) {
    return r.block < 0 || mine(r) || order_.ordered(r.who(), r.time, a.is_volatile);
  };
  if (!(cell.write.atomic && a.atomic) && !ordered(cell.write))
    race(a.write ? "write after write" : "read after write", address, cell.write);
  if (!a.write) return record_read(cell, a);

  if (!ordered(cell.read)) race("write after read", address, cell.read);
  if (cell.other_reader >= 0 && !order_.ordered({cell.other_reader, kManyWarps, true}, cell.other_time, false)) {
    Record other = cell.read;
    other.block = cell.other_reader;
    race("write after read", address, other);
  }
  cell.other_reader = -1;
  cell.read = Record();
  cell.write = {a.code, order_.now(), order_.block(), int16_t(order_.thread()), a.atomic, false};
}

void RaceAndBoundsChecker::record_read(ShadowCell& cell, const Access& a) {
  Record& r = cell.read;
  Record now{a.code, order_.now(), order_.block(), int16_t(order_.thread()), false, false};
  if (r.block >= 0 && r.block != now.block) {
    cell.other_reader = r.block;
    cell.other_time = r.time;
  } else if (r.block == now.block && (r.thread != now.thread || r.several) && !order_.ordered(r.who(), r.time, false)) {
    now.several = true;  // readers that are not ordered among each other: remember them as a group
    if (r.thread == kManyWarps || r.thread / 32 != now.thread / 32) now.thread = kManyWarps;
  }
  r = now;
}

void RaceAndBoundsChecker::race(const char* kind, const char* address, const Record& earlier) const {
  prepare_source_lines({earlier.code});
  const std::string who = earlier.thread == kManyWarps ? "threads of several warps"
                          : earlier.several            ? "lanes of warp " + std::to_string(earlier.thread / 32)
                                                       : "thread " + std::to_string(earlier.thread);
  const bool on_device = device_.contains(address);
  report(std::string("RACE (") + kind + ") on " + (on_device ? "device" : "shared") + " memory, block " +
         std::to_string(order_.block()) + " thread " + std::to_string(order_.thread()) +
         "\n    earlier and unordered: block " + std::to_string(earlier.block) + " " + who + " at " +
         source_line(earlier.code));
}

}  // namespace

void on_access(const void* address, size_t bytes, bool write, bool is_volatile, const void* code) {
  instance.access({static_cast<const char*>(address), bytes, write, false, is_volatile, code});
}
void on_atomic(const volatile void* address, size_t bytes, const void* code) {
  const auto* p = const_cast<const char*>(static_cast<const volatile char*>(address));
  instance.atomic({p, bytes, true, true, false, code});
}

bool in_program(const void* address) {
  struct Query {
    const char* address;
    bool found;
  } query{static_cast<const char*>(address), false};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto* q = static_cast<Query*>(data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          const auto* begin = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
          if (header.p_type == PT_LOAD && q->address >= begin && q->address < begin + header.p_memsz) q->found = true;
        }
        return 1;  // the program only: kernels have no business in shared libraries
      },
      &query);
  return query.found;
}

const char* flavour() { return "checker"; }

}  // namespace emulator
