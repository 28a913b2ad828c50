// Neighbouring elements of fp32 or bf16 arrays, computed on as fp32 and moved 16 bytes at a time.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace crc {

template <int kWidth> struct Pack { float value[kWidth]; };

// Elements of T in 16 bytes, the widest access of a thread.
template <class T> inline constexpr int kPackWidth = 16 / int(sizeof(T));

template <class... T> bool aligned_for_packs(const T*... data) {
  return ((reinterpret_cast<uintptr_t>(data) % 16 == 0) && ...);
}

// A pack as it lies in memory: what a thread holds of a load that it does not use yet.
template <int kWidth, class T> struct RawPack {
  static_assert(kWidth == 1 || kWidth == kPackWidth<T>);
  std::conditional_t<kWidth == 1, T, uint4> bits;
  __device__ __forceinline__ Pack<kWidth> unpacked() const {
    T raw[kWidth];
    memcpy(raw, &bits, sizeof raw);
    Pack<kWidth> pack;
    for (int k = 0; k < kWidth; ++k) pack.value[k] = float(raw[k]);
    return pack;
  }
};

// kWidth is 1 or kPackWidth<T>; in the latter case `from` is 16-byte aligned.
template <int kWidth, class T> __device__ __forceinline__ RawPack<kWidth, T> load_raw(const T* from) {
  return {*reinterpret_cast<const decltype(RawPack<kWidth, T>::bits)*>(from)};
}
template <int kWidth, class T> __device__ __forceinline__ Pack<kWidth> load(const T* from) {
  return load_raw<kWidth>(from).unpacked();
}

template <int kWidth, class T> __device__ __forceinline__ void store(T* to, const Pack<kWidth>& pack) {
  T raw[kWidth];
  for (int k = 0; k < kWidth; ++k) raw[k] = T(pack.value[k]);
  if constexpr (kWidth == 1) {
    *to = raw[0];
  } else {
    static_assert(kWidth == kPackWidth<T>);
    uint4 bits;
    memcpy(&bits, raw, 16);
    *reinterpret_cast<uint4*>(to) = bits;
  }
}

}  // namespace crc
