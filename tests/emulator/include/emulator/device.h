// What kernels see: keywords, built-in variables, barriers and warp operations. Every call carries its own source line.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulator/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// One OS thread runs a block, so shared variables are statics. As thread_local they lie together in one segment, where
// the emulator finds each by its symbol, fills it with garbage and checks its bounds (the alignment leaves a gap after
// most of them, so that an overrun does not land in the next); but AddressSanitizer needs plain statics.
#if defined(EMULATOR_ASAN)
#define __shared__ static
#else
#define __shared__ static thread_local __attribute__((aligned(256)))
#endif
#define CRC_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(::emulator::dynamic_shared())
#define EMULATOR_INLINE inline __attribute__((always_inline))  // so that reports show the kernel's line, not ours

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace emulator {

// A place in a source file; as a default argument, the caller's.
struct Site {
  const char* file;
  int line;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

enum class Collective { syncwarp, shuffle, shuffle_up, shuffle_down, shuffle_xor, vote, match, reduce };
const char* name_of(Collective);

// What the lanes of a warp operation put in.
struct Lanes {
  unsigned present;
  uint64_t value[32];
};

struct Votes {
  int threads, positive;
};

Votes block_barrier(bool predicate, Site site);
Lanes exchange(Collective op, unsigned mask, uint64_t value, Site site);  // waits for all lanes of the mask
uint64_t read_lane(const Lanes& lanes, int lane, Site site);              // fails if that lane did not take part
int lane();
void* dynamic_shared();
void fence();
void before_atomic();  // another thread may run first
[[noreturn]] void fail(Site site, const char* format, ...) __attribute__((format(printf, 2, 3)));

template <class T> EMULATOR_INLINE uint64_t to_bits(T value) {
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T> EMULATOR_INLINE T from_bits(uint64_t bits) {
  T value;
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}

template <class T> T shuffle(Collective op, unsigned mask, T value, int argument, int width, Site site) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "CUDA shuffles 4- and 8-byte numbers");
  if (width < 1 || width > 32 || (width & (width - 1)))
    fail(site, "shuffle width %d is not a power of two up to 32", width);
  const Lanes lanes = exchange(op, mask, to_bits(value), site);
  const int me = lane(), first = me & ~(width - 1);
  int source = me;
  if (op == Collective::shuffle) source = first | (argument & (width - 1));
  if (op == Collective::shuffle_up && me - argument >= first) source = me - argument;
  if (op == Collective::shuffle_down && me + argument < first + width) source = me + argument;
  if (op == Collective::shuffle_xor && (me ^ argument) < first + width) source = me ^ argument;
  return from_bits<T>(read_lane(lanes, source, site));
}

}  // namespace emulator

#define EMULATOR_SITE ::emulator::Site site = ::emulator::Site::here()

inline void __syncthreads(EMULATOR_SITE) { emulator::block_barrier(false, site); }
inline int __syncthreads_count(int p, EMULATOR_SITE) { return emulator::block_barrier(p, site).positive; }
inline int __syncthreads_or(int p, EMULATOR_SITE) { return emulator::block_barrier(p, site).positive > 0; }
inline int __syncthreads_and(int p, EMULATOR_SITE) {
  const auto votes = emulator::block_barrier(p, site);
  return votes.positive == votes.threads;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_SITE) {
  emulator::exchange(emulator::Collective::syncwarp, mask, 0, site);
}

template <class T> T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATOR_SITE) {
  return emulator::shuffle(emulator::Collective::shuffle, mask, value, source, width, site);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMULATOR_SITE) {
  return emulator::shuffle(emulator::Collective::shuffle_up, mask, value, int(delta), width, site);
}
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMULATOR_SITE) {
  return emulator::shuffle(emulator::Collective::shuffle_down, mask, value, int(delta), width, site);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, EMULATOR_SITE) {
  return emulator::shuffle(emulator::Collective::shuffle_xor, mask, value, lanes, width, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATOR_SITE) {
  const auto lanes = emulator::exchange(emulator::Collective::vote, mask, predicate != 0, site);
  unsigned result = 0;
  for (int i = 0; i < 32; ++i)
    if (lanes.present >> i & 1) result |= unsigned(lanes.value[i]) << i;
  return result;
}
inline int __any_sync(unsigned mask, int predicate, EMULATOR_SITE) { return __ballot_sync(mask, predicate, site) != 0; }
inline int __all_sync(unsigned mask, int predicate, EMULATOR_SITE) {
  return __ballot_sync(mask, !predicate, site) == 0;
}
template <class T> unsigned __match_any_sync(unsigned mask, T value, EMULATOR_SITE) {
  const uint64_t mine = emulator::to_bits(value);
  const auto lanes = emulator::exchange(emulator::Collective::match, mask, mine, site);
  unsigned result = 0;
  for (int i = 0; i < 32; ++i)
    if ((lanes.present >> i & 1) && lanes.value[i] == mine) result |= 1u << i;
  return result;
}

namespace emulator {
template <class T, class Op> T reduce(unsigned mask, T value, Op op, Site site) {
  const Lanes lanes = exchange(Collective::reduce, mask, to_bits(value), site);
  T result = value;
  for (int i = 0; i < 32; ++i)
    if ((lanes.present >> i & 1) && i != lane()) result = op(result, from_bits<T>(lanes.value[i]));
  return result;
}
}  // namespace emulator

#define EMULATOR_REDUCE(name, T, expression)                     \
  inline T name(unsigned mask, T value, EMULATOR_SITE) {         \
    return emulator::reduce(                                     \
        mask, value, [](T a, T b) { return expression; }, site); \
  }
EMULATOR_REDUCE(__reduce_add_sync, unsigned, a + b)
EMULATOR_REDUCE(__reduce_add_sync, int, int(unsigned(a) + unsigned(b)))
EMULATOR_REDUCE(__reduce_min_sync, unsigned, b < a ? b : a)
EMULATOR_REDUCE(__reduce_min_sync, int, b < a ? b : a)
EMULATOR_REDUCE(__reduce_max_sync, unsigned, a < b ? b : a)
EMULATOR_REDUCE(__reduce_max_sync, int, a < b ? b : a)
EMULATOR_REDUCE(__reduce_and_sync, unsigned, a& b)
EMULATOR_REDUCE(__reduce_or_sync, unsigned, a | b)
#undef EMULATOR_REDUCE

inline void __threadfence() { emulator::fence(); }
