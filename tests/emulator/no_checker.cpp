#include "tests/emulator/emulator.h"

extern "C" __attribute__((weak)) void __asan_init();

namespace emulator {

const char* flavour() { return __asan_init ? "asan" : "plain"; }

}  // namespace emulator
