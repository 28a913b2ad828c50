// Error reports with source lines.
#pragma once

#include <string>

#include "emulator/device.h"

namespace emulator {

// "file.cu:12 < caller.cuh:30" for a code address, innermost first; needs binutils' addr2line, else the bare address.
std::string source_line(const void* code);
std::string function_name(const void* function);
std::string stack_trace();  // source lines of the callers outside the emulator

}  // namespace emulator
