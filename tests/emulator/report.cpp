#include "tests/emulator/report.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/emulator/scheduler.h"

namespace emulator {
namespace {

struct Frame {
  std::string function, line;
};

// The inlined functions at each code address of this program, innermost first. One run of addr2line for all.
std::vector<std::vector<Frame>> symbolize(const std::vector<const char*>& codes) {
  std::vector<std::vector<Frame>> result(codes.size());
  char file[4096];
  const ssize_t length = readlink("/proc/self/exe", file, sizeof file - 1);
  file[length > 0 ? length : 0] = 0;
  std::string command = std::string("addr2line -a -C -f -s -i -e '") + file + "'";
  for (const char* code : codes) {
    Dl_info info{};
    char offset[32];
    const bool known = dladdr(code, &info) && info.dli_fbase;
    snprintf(offset, sizeof offset, " 0x%zx", size_t(known ? code - static_cast<char*>(info.dli_fbase) : 0));
    command += offset;
  }
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (!pipe) return result;
  char function[4096], line[4096];
  for (size_t at = size_t(-1); fgets(function, sizeof function, pipe);) {
    if (function[0] == '0' && function[1] == 'x') {  // the next address
      if (++at == result.size()) break;
      continue;
    }
    if (at >= result.size() || !fgets(line, sizeof line, pipe)) break;
    function[strcspn(function, "\n")] = 0;
    line[strcspn(line, " \n")] = 0;
    result[at].push_back({function, line});
  }
  pclose(pipe);
  return result;
}

bool of_emulator(const std::string& line) {
  for (const char* file : {"device.h:", "atomics.h:", "launch.h:", "scheduler.cpp:", "fiber.cpp:", "report.cpp:",
                           "checker.cpp:", "memory.cpp:", "hooks.cpp:", "tuple:", "invoke.h:"})
    if (line.starts_with(file)) return true;
  return false;
}

}  // namespace

std::string source_line(const void* code) {
  std::string result;
  const auto frames = symbolize({static_cast<const char*>(code) - 1});
  for (const Frame& frame : frames[0])
    if (!of_emulator(frame.line) && !frame.line.starts_with("?"))
      result += (result.empty() ? "" : " < ") + frame.line;
  if (!result.empty()) return result;
  char address[32];
  snprintf(address, sizeof address, "code at %p", code);
  return address;
}

std::string function_name(const void* function) {
  const std::vector<Frame> frames = symbolize({static_cast<const char*>(function)})[0];
  if (frames.empty() || frames[0].function == "??") return "a kernel";
  return frames[0].function.substr(0, frames[0].function.rfind('('));  // without its parameters
}

std::string stack_trace() {
  void* codes[24];
  std::string result;
  const int count = backtrace(codes, 24);
  std::vector<const char*> callers;
  for (int i = 1; i < count; ++i) callers.push_back(static_cast<char*>(codes[i]) - 1);
  for (const auto& frames : symbolize(callers))
    for (const Frame& frame : frames) {
      if (frame.function.starts_with("emulator::") || frame.line.starts_with("?") || of_emulator(frame.line)) continue;
      if (frame.function == "main") return result;
      result += (result.empty() ? "" : " < ") + frame.line;
    }
  return result;
}

void fail(Site site, const char* format, ...) {
  char message[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (site.file)
    fprintf(stderr, "emulator: ERROR %s:%d: %s\n", site.file, site.line, message);
  else
    fprintf(stderr, "emulator: ERROR: %s\n", message);
  fprintf(stderr, "%s", where_am_i().c_str());
  const std::string trace = stack_trace();
  if (!trace.empty()) fprintf(stderr, "  called from %s\n", trace.c_str());
  fflush(stderr);
  abort();
}

}  // namespace emulator
