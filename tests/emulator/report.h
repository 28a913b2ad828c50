// Error reports with source lines.
#pragma once

#include <string>
#include <vector>

#include "emulator/device.h"

namespace emulator {

// "file.cu:12 < caller.cuh:30" for a code address, innermost first; needs binutils' addr2line, else the bare address.
std::string source_line(const void* code);
std::string stack_trace();  // source lines of the callers outside the emulator
// Looks these and the callers up at once: addr2line takes its time.
void prepare_source_lines(std::vector<const void*> codes);

}  // namespace emulator
