// CRC_HD marks a function that runs on the host and on the device: the one source of the math for both backends.
#pragma once

#if defined(__CUDACC__)
#define CRC_HD __host__ __device__ __forceinline__
#else
#define CRC_HD inline __attribute__((always_inline))
#endif
