#include "tests/emulator/report.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "tests/emulator/scheduler.h"

namespace emulator {
namespace {

struct Frame {
  std::string function, line;
};

// The inlined functions at each code address looked up so far, innermost first.
std::map<const void*, std::vector<Frame>>& known_frames() {
  static std::map<const void*, std::vector<Frame>> known;
  return known;
}

// Return addresses: the call is one byte before.
std::vector<const void*> callers() {
  void* codes[24];
  const int count = backtrace(codes, 24);
  return std::vector<const void*>(codes + std::min(count, 1), codes + count);
}

bool of_emulator(const std::string& line) {
  for (const char* file : {"device.h:", "atomics.h:", "launch.h:", "scheduler.cpp:", "fiber.cpp:", "report.cpp:",
                           "checker.cpp:", "memory.cpp:", "hooks.cpp:", "tuple:", "invoke.h:"})
    if (line.starts_with(file)) return true;
  return false;
}

}  // namespace

void prepare_source_lines(std::vector<const void*> codes) {
  for (const void* code : callers()) codes.push_back(code);
  char file[4096];
  const ssize_t length = readlink("/proc/self/exe", file, sizeof file - 1);
  file[length > 0 ? length : 0] = 0;
  std::string command = std::string("addr2line -a -C -f -s -i -e '") + file + "'";
  for (const void* code : codes) {
    Dl_info info{};
    char offset[32];
    const bool found = dladdr(code, &info) && info.dli_fbase;
    const char* call = static_cast<const char*>(code) - 1;
    snprintf(offset, sizeof offset, " 0x%zx", size_t(found ? call - static_cast<char*>(info.dli_fbase) : 0));
    command += offset;
  }
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (!pipe) return;
  char function[4096], line[4096];
  std::vector<Frame>* frames = nullptr;
  for (auto next = codes.begin(); fgets(function, sizeof function, pipe);) {
    if (function[0] == '0' && function[1] == 'x') {  // the next address
      if (next == codes.end()) break;
      frames = &known_frames()[*next++];
      frames->clear();
      continue;
    }
    if (!frames || !fgets(line, sizeof line, pipe)) break;
    function[strcspn(function, "\n")] = 0;
    line[strcspn(line, " \n")] = 0;
    frames->push_back({function, line});
  }
  pclose(pipe);
}

std::string source_line(const void* code) {
  if (!known_frames().count(code)) prepare_source_lines({code});
  std::string result;
  for (const Frame& frame : known_frames()[code]) {
    if (of_emulator(frame.line) || frame.line.starts_with("?")) continue;
    if (!result.empty()) result += " < ";
    result += frame.line;
  }
  if (!result.empty()) return result;
  char address[32];
  snprintf(address, sizeof address, "code at %p", code);
  return address;
}

std::string stack_trace() {
  std::string result;
  const auto codes = callers();
  bool known = true;
  for (const void* code : codes) known = known && known_frames().count(code);
  if (!known) prepare_source_lines({});
  for (const void* code : codes)
    for (const Frame& frame : known_frames()[code]) {
      if (frame.function == "main") return result;
      if (frame.line.starts_with("?") || of_emulator(frame.line)) continue;
      if (!result.empty()) result += " < ";
      result += frame.line;
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
  if (!trace.empty()) fprintf(stderr, "  at %s\n", trace.c_str());
  fflush(stderr);
  abort();
}

}  // namespace emulator
