#include "kernels/cpu/cpu.h"

#include <omp.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "kernels/core/libraries.h"
#include "kernels/core/mapped_pages.h"
#include "kernels/core/threads.h"
#include "kernels/cpu/lapack.h"
#include "kernels/cpu/onednn.h"

namespace crc {
namespace {

// Large arrays ask for huge pages: touching 50 MB for the first time in pages of 4 KB takes longer than scoring a pool.
void* allocate_aligned(int64_t bytes) {
  constexpr int64_t kHugePage = 2 << 20;
  const bool huge = bytes >= 2 * kHugePage;
  const int64_t alignment = huge ? kHugePage : 256;
  void* data = std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (!data)
    fail(ExitCode::out_of_memory, "cannot allocate " + std::to_string(bytes) +
                                      " bytes of memory; use a smaller batch (ssl.batch, eval.batch) or more memory");
  if (huge) advise_huge_pages(data, size_t(bytes));
  return data;
}

}  // namespace

Cpu::Cpu(int threads)
    : threads_(threads > 0 ? threads : omp_get_max_threads()), arena_({allocate_aligned, std::free, Device{}}) {
  check_threads(threads_);
  omp_set_num_threads(threads_);
}
Cpu::Cpu(Cpu& parent) : Cpu(parent.threads_) {
  (void)parent.onednn();
  onednn_ = parent.onednn_;  // one cache of primitives
  gate_ = parent.gate_;
}
Cpu::~Cpu() = default;

OneDnn& Cpu::onednn() {
  if (!onednn_) onednn_ = std::make_shared<OneDnn>();
  return *onednn_;
}

void check_threads(int threads) {
  if (threads < 1 || threads > kMostThreads)
    fail(ExitCode::usage, std::to_string(threads) + " threads are asked for (--threads, run.threads, CRC_THREADS or " +
                              "OMP_NUM_THREADS); use 1 to " + std::to_string(kMostThreads));
}

std::shared_ptr<Cpu> make_cpu(int threads) { return std::make_shared<Cpu>(threads); }
std::shared_ptr<Cpu> make_branch(Cpu& cpu) { return std::make_shared<Cpu>(cpu); }
void wait_for(Cpu&, Cpu&) {}
Device device_of(Cpu&) { return {}; }
Gate& gate_of(Cpu& cpu) { return cpu.gate(); }
Arena& scratch_of(Cpu& cpu) { return cpu.scratch(); }
std::string describe(Cpu& cpu) { return "cpu, " + std::to_string(cpu.threads()) + " threads"; }
bool has_bf16(Cpu&) { return onednn_has_bf16(); }
void open_libraries(Cpu&, bool) {}
void open_exchange(Cpu&) {}
void join_ranks(Cpu&, Ranks&) {}
void leave_ranks(Cpu&) {}
Libraries libraries(Cpu&) {
  return {{"oneDNN", onednn_version()}, {"OpenBLAS", openblas_version()}, {"LAPACK", lapack_version()}};
}
void* allocate(Cpu&, int64_t bytes) { return allocate_aligned(bytes); }
void release(Cpu&, void* data) { std::free(data); }
void copy_in(Cpu&, void* to, const void* host, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, host, size_t(bytes));  // an empty array may have no address
}
void copy_out(Cpu&, void* host, const void* from, int64_t bytes) {
  if (bytes > 0) std::memcpy(host, from, size_t(bytes));
}
void copy_within(Cpu&, void* to, const void* from, int64_t bytes) {
  if (bytes > 0) std::memmove(to, from, size_t(bytes));
}
void set_zero(Cpu&, void* data, int64_t bytes) {
  if (bytes > 0) std::memset(data, 0, size_t(bytes));
}
void synchronize(Cpu&) {}
void before_op(Cpu&, const char*) {}
void after_op(Cpu&, const char*) {}
using Moment = std::chrono::steady_clock::time_point;
std::shared_ptr<void> mark_moment(Cpu&) { return std::make_shared<Moment>(std::chrono::steady_clock::now()); }
double seconds_between(Cpu&, void* begin, void* end) {
  return std::chrono::duration<double>(*static_cast<Moment*>(end) - *static_cast<Moment*>(begin)).count();
}
std::function<void()> record(Cpu&, std::function<void()> work) { return work; }

}  // namespace crc
