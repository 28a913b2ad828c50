// Stands in for CUDA's header of the same name when kernels are compiled as plain C++ for the emulator: just what this
// project's sources use. First on the include path, so no CUDA toolkit is needed.
#pragma once

#if defined(__CUDACC__)
#error "the emulator's headers are not for nvcc: take tests/emulator/include off the include path"
#endif

#include "emulator/vector_types.h"
// The order matters: launches and device functions build on the runtime's types.
#include "emulator/runtime_api.h"
// clang-format off
#include "emulator/device.h"
#include "emulator/atomics.h"
#include "emulator/math.h"
#include "emulator/launch.h"
// clang-format on
