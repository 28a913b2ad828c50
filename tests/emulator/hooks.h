// Between the compiler's instrumentation (hooks.cpp) and the checker.
#pragma once

#include <cstddef>

namespace emulator {

void on_access(const void* address, size_t bytes, bool write, bool is_volatile, const void* code);
void on_atomic(const volatile void* address, size_t bytes, const void* code);
bool in_program(const void* address);  // code and data of this program

}  // namespace emulator
