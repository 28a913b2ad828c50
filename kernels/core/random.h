// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). No state: the key names the stream (seed and
// purpose), the counter names the draw, so a sample's numbers depend on neither batch, thread, rank nor device.
// Host: Random123. Device: cuRAND's Philox function. tests/kernels/core/random_test.cpp checks the published vectors.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define mulhilo32 curand_mulhilo32  // Random123 has a function of this name too
#include <curand_philox4x32_x.h>
#undef mulhilo32
#endif
#if !defined(__CUDA_ARCH__)
#include <Random123/philox.h>
#endif

#include "kernels/core/hd.h"

namespace crc {

struct Philox4 {
  uint32_t v[4];
};

// What a stream of numbers is for: part of the key, so streams never overlap. Values are part of the file format of a
// run (they decide every draw): append, never renumber.
enum class Purpose : uint32_t {
  init = 1,
  weak_augment = 2,
  strong_augment = 3,
  labeled_order = 4,
  unlabeled_order = 5,
  acquisition = 6,
  initial_pool = 7,
  dataset = 8,
  group_shuffle = 9,
  labeled_augment = 10,
  teacher_augment = 11,
  consistency_augment = 12,
  probe_augment = 13,
  feature_dropout = 14,
  interpolation = 15,
  bench = 254,
  test = 255,
};

CRC_HD Philox4 philox(uint32_t k0, uint32_t k1, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
#if defined(__CUDA_ARCH__)
  const uint4 r = curand_Philox4x32_10(make_uint4(c0, c1, c2, c3), make_uint2(k0, k1));
  return {{r.x, r.y, r.z, r.w}};
#else
  const r123::Philox4x32::ctr_type counter = {{c0, c1, c2, c3}};
  const r123::Philox4x32::key_type key = {{k0, k1}};
  const auto r = r123::Philox4x32()(counter, key);
  return {{r[0], r[1], r[2], r[3]}};
#endif
}

// Uniform in [0, 1), 24 bits.
CRC_HD float uniform_from(uint32_t bits) { return float(bits >> 8) * 0x1p-24f; }
// Uniform integer in [0, n), n < 2^32: the high word of a 32x32 multiply (bias below n/2^32).
CRC_HD uint32_t below_from(uint32_t bits, uint32_t n) { return uint32_t((uint64_t(bits) * n) >> 32); }

// Two independent normals of mean 0 and standard deviation sigma, from u in (0, 1] and v in [0, 1): Box and Muller
// (1958). Host only: cosines differ between libraries.
struct NormalPair {
  double radius, angle;
  NormalPair(double u, double v, double sigma = 1)
      : radius(sigma * std::sqrt(-2 * std::log(u))), angle(6.283185307179586 * v) {}
  double x() const { return radius * std::cos(angle); }
  double y() const { return radius * std::sin(angle); }
};

// The draws of one item: a cursor over the words at counter (item, step, block).
class Draws {
 public:
  CRC_HD Draws(uint32_t seed, Purpose purpose, int64_t item, int64_t step)
      : seed_(seed),
        purpose_(uint32_t(purpose)),
        item_lo_(uint32_t(item)),
        item_hi_(uint32_t(item >> 32)),
        step_(uint32_t(step)) {}

  CRC_HD uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(seed_, purpose_, item_lo_, step_, next_block_++, item_hi_);
      used_ = 0;
    }
    return block_.v[used_++];
  }
  CRC_HD float uniform() { return uniform_from(bits()); }                                 // [0, 1)
  CRC_HD float uniform(float low, float high) { return low + (high - low) * uniform(); }  // [low, high)
  // [0, 1), 53 bits: two words.
  CRC_HD double uniform53() {
    const double high = bits(), low = bits() >> 11;
    return high * 0x1p-32 + low * 0x1p-53;
  }
  NormalPair normals(double sigma = 1) {
    const double u = 1 - double(uniform()), v = uniform();
    return {u, v, sigma};
  }
  CRC_HD uint32_t below(uint32_t n) { return below_from(bits(), n); }  // {0, ..., n-1}
  CRC_HD bool coin() { return bits() >> 31; }

 private:
  uint32_t seed_, purpose_, item_lo_, item_hi_, step_;
  uint32_t next_block_ = 0;
  int used_ = 4;
  Philox4 block_{};
};

// A pseudo-random bijection of {0, ..., n-1}, n < 2^31: a ten-round Feistel network with Philox as round function,
// walked until it lands below n. `epoch` selects one of 2^32 permutations. O(1) memory: any thread asks for any place.
// Four rounds (Luby and Rackoff 1988) suffice for large n, but for n = 10 they prefer some places by several percent.
CRC_HD uint32_t permute(uint32_t seed, Purpose purpose, uint32_t epoch, uint32_t n, uint32_t i) {
  uint32_t half_bits = 1;
  while ((uint64_t(1) << (2 * half_bits)) < n) ++half_bits;
  const uint32_t mask = (1u << half_bits) - 1;
  do {
    uint32_t left = i >> half_bits, right = i & mask;
    for (uint32_t round = 0; round < 10; ++round) {
      const uint32_t f = philox(seed, uint32_t(purpose), right, epoch, round, n).v[0] & mask;
      const uint32_t next = left ^ f;
      left = right;
      right = next;
    }
    i = left << half_bits | right;
  } while (i >= n);
  return i;
}

}  // namespace crc
