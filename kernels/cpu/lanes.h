// Four doubles or eight floats at a time, for loops that compilers do not vectorise by themselves. Every operation is as
// many IEEE operations: the same bits with and without the instructions (but for a fused one of floats).
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace crc {

using Lanes = double __attribute__((vector_size(32)));
using Floats = float __attribute__((vector_size(32)));
using FourFloats = float __attribute__((vector_size(16)));
inline constexpr int64_t kLanes = 4;

inline Lanes load(const double* p) {
  Lanes a;
  __builtin_memcpy(&a, p, sizeof a);
  return a;
}
inline void store(double* p, Lanes a) { __builtin_memcpy(p, &a, sizeof a); }
inline Lanes all(double a) { return Lanes{a, a, a, a}; }

inline Lanes fused(Lanes a, Lanes b, Lanes c) {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_pd(a, b, c);
#else
  return Lanes{std::fma(a[0], b[0], c[0]), std::fma(a[1], b[1], c[1]), std::fma(a[2], b[2], c[2]),
               std::fma(a[3], b[3], c[3])};
#endif
}

// As many of either kind as a register holds.
inline Lanes registerful(const double* p) { return load(p); }
inline Floats registerful(const float* p) {
  Floats a;
  __builtin_memcpy(&a, p, sizeof a);
  return a;
}
inline void store(float* p, Floats a) { __builtin_memcpy(p, &a, sizeof a); }
inline Floats all(float a) { return Floats{a, a, a, a, a, a, a, a}; }
inline Floats fused(Floats a, Floats b, Floats c) {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

// (a0 + a1) + (a2 + a3): how four interleaved chains are joined, here and on CUDA.
inline double joined(Lanes a) { return (a[0] + a[1]) + (a[2] + a[3]); }

// joined() of four at once.
inline Lanes joined(Lanes a, Lanes b, Lanes c, Lanes d) {
#if defined(__AVX2__) && defined(__FMA__)
  const __m256d ab = _mm256_hadd_pd(a, b), cd = _mm256_hadd_pd(c, d);  // a01 b01 a23 b23, c01 d01 c23 d23
  return _mm256_permute2f128_pd(ab, cd, 0x20) + _mm256_permute2f128_pd(ab, cd, 0x31);
#else
  return Lanes{joined(a), joined(b), joined(c), joined(d)};
#endif
}

inline FourFloats load_floats(const float* p) {
  FourFloats a;
  __builtin_memcpy(&a, p, sizeof a);
  return a;
}
inline void store(float* p, FourFloats a) { __builtin_memcpy(p, &a, sizeof a); }
// Four floats as doubles.
inline Lanes load(const float* p) { return __builtin_convertvector(load_floats(p), Lanes); }

// A row that is read soon: rows in no order are nothing that a CPU foresees.
inline void prefetch(const float* row, int64_t width) {
  for (int64_t d = 0; d < width; d += 16) __builtin_prefetch(row + d);
}

// Rows become columns.
inline void transpose(Lanes& a, Lanes& b, Lanes& c, Lanes& d) {
#if defined(__AVX2__) && defined(__FMA__)
  const __m256d ab0 = _mm256_unpacklo_pd(a, b), ab1 = _mm256_unpackhi_pd(a, b);  // a0 b0 a2 b2, a1 b1 a3 b3
  const __m256d cd0 = _mm256_unpacklo_pd(c, d), cd1 = _mm256_unpackhi_pd(c, d);
  a = _mm256_permute2f128_pd(ab0, cd0, 0x20), b = _mm256_permute2f128_pd(ab1, cd1, 0x20);
  c = _mm256_permute2f128_pd(ab0, cd0, 0x31), d = _mm256_permute2f128_pd(ab1, cd1, 0x31);
#else
  const Lanes w = a, x = b, y = c, z = d;
  a = Lanes{w[0], x[0], y[0], z[0]}, b = Lanes{w[1], x[1], y[1], z[1]};
  c = Lanes{w[2], x[2], y[2], z[2]}, d = Lanes{w[3], x[3], y[3], z[3]};
#endif
}
inline void transpose(FourFloats& a, FourFloats& b, FourFloats& c, FourFloats& d) {
  const FourFloats ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const FourFloats cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), b = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5), d = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
}

}  // namespace crc
