// CUDA's vector types, with CUDA's alignment: a misaligned vector load must be as wrong here as there.
#pragma once

#define EMULATOR_VECTOR(T, name)                                                                    \
  struct alignas(2 * sizeof(T)) name##2 {                                                           \
    T x, y;                                                                                         \
  };                                                                                                \
  struct name##3 {                                                                                  \
    T x, y, z;                                                                                      \
  };                                                                                                \
  struct alignas(4 * sizeof(T)) name##4 {                                                           \
    T x, y, z, w;                                                                                   \
  };                                                                                                \
  inline __attribute__((always_inline)) name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  inline __attribute__((always_inline)) name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  inline __attribute__((always_inline)) name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

EMULATOR_VECTOR(signed char, char)
EMULATOR_VECTOR(unsigned char, uchar)
EMULATOR_VECTOR(short, short)
EMULATOR_VECTOR(unsigned short, ushort)
EMULATOR_VECTOR(int, int)
EMULATOR_VECTOR(unsigned, uint)
EMULATOR_VECTOR(float, float)
#undef EMULATOR_VECTOR

struct alignas(16) double2 {
  double x, y;
};
struct alignas(16) longlong2 {
  long long x, y;
};
inline double2 make_double2(double x, double y) { return {x, y}; }
inline longlong2 make_longlong2(long long x, long long y) { return {x, y}; }

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
