// Element types. bf16 is our own two-byte struct, so that host code, kernels and the emulator share one definition.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/core/hd.h"

namespace crc {

enum class Dtype : uint8_t { f32, f64, bf16, u8, i32, i64 };

// bfloat16: the upper half of a float. Conversion to bf16 rounds to nearest even; every NaN becomes 0x7fff, as the GPU's
// own instruction (sm_80 and later) has it.
struct bf16 {
  uint16_t bits;

  bf16() = default;
  CRC_HD explicit bf16(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    uint32_t u;
    memcpy(&u, &value, 4);
    const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = uint16_t(nan ? 0x7fffu : rounded);  // a choice of what is computed in any case: compilers vectorise that
#endif
  }
  CRC_HD explicit operator float() const {
    const uint32_t u = uint32_t(bits) << 16;
    float value;
    memcpy(&value, &u, 4);
    return value;
  }
};
static_assert(sizeof(bf16) == 2);

// to = T(value). For loops under `omp simd`: a temporary bf16 there keeps gcc from vectorising.
CRC_HD void round_to(float& to, float value) { to = value; }
CRC_HD void round_to(bf16& to, float value) { to.bits = bf16(value).bits; }

template <class T> struct DtypeOf;
template <> struct DtypeOf<float> { static constexpr Dtype value = Dtype::f32; };
template <> struct DtypeOf<double> { static constexpr Dtype value = Dtype::f64; };
template <> struct DtypeOf<bf16> { static constexpr Dtype value = Dtype::bf16; };
template <> struct DtypeOf<uint8_t> { static constexpr Dtype value = Dtype::u8; };
template <> struct DtypeOf<int32_t> { static constexpr Dtype value = Dtype::i32; };
template <> struct DtypeOf<int64_t> { static constexpr Dtype value = Dtype::i64; };

constexpr int64_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
    case Dtype::i32:
      return 4;
    case Dtype::f64:
    case Dtype::i64:
      return 8;
    case Dtype::bf16:
      return 2;
    case Dtype::u8:
      return 1;
  }
  return 0;
}
constexpr const char* name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return "f32";
    case Dtype::f64:
      return "f64";
    case Dtype::bf16:
      return "bf16";
    case Dtype::u8:
      return "u8";
    case Dtype::i32:
      return "i32";
    case Dtype::i64:
      return "i64";
  }
  return "?";
}

}  // namespace crc
