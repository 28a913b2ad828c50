// Atomics: relaxed, as on the GPU. They are real atomics only so that the checker's instrumentation tells them apart.
#pragma once

#include "emulator/device.h"

namespace emulator {

template <class T, class F> EMULATOR_INLINE T atomic_update(T* address, F f) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  using Word = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  before_atomic();
  Word* word = reinterpret_cast<Word*>(address);
  Word old = __atomic_load_n(word, __ATOMIC_RELAXED), wanted;
  do {
    wanted = Word(to_bits<T>(f(from_bits<T>(old))));
  } while (!__atomic_compare_exchange_n(word, &old, wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return from_bits<T>(old);
}

}  // namespace emulator

#define EMULATOR_ATOMIC(name, expression)                                            \
  template <class T> EMULATOR_INLINE T name(T* address, std::type_identity_t<T> v) { \
    return emulator::atomic_update(                                                  \
        address, [=](T old) __attribute__((always_inline)) { return expression; });  \
  }
EMULATOR_ATOMIC(atomicAdd, T(old + v))
EMULATOR_ATOMIC(atomicSub, T(old - v))
EMULATOR_ATOMIC(atomicMin, v < old ? v : old)
EMULATOR_ATOMIC(atomicMax, old < v ? v : old)
EMULATOR_ATOMIC(atomicAnd, T(old& v))
EMULATOR_ATOMIC(atomicOr, T(old | v))
EMULATOR_ATOMIC(atomicXor, T(old ^ v))
EMULATOR_ATOMIC(atomicExch, ((void)old, v))
EMULATOR_ATOMIC(atomicInc, old >= v ? T(0) : T(old + 1))
EMULATOR_ATOMIC(atomicDec, old == 0 || old > v ? v : T(old - 1))
#undef EMULATOR_ATOMIC

template <class T> EMULATOR_INLINE T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> v) {
  return emulator::atomic_update(
      address, [=](T old) __attribute__((always_inline)) { return old == compare ? v : old; });
}
