// libFuzzer's entry (clang, scripts/fuzz.sh). CRC_FUZZ_READER names the reader.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "tests/fuzz/readers.h"

namespace {

const crc::fuzz::Reader& chosen() {
  const char* name = std::getenv("CRC_FUZZ_READER");
  for (const auto& reader : crc::fuzz::readers())
    if (name && std::string_view(name) == reader.name) return reader;
  std::fprintf(stderr, "CRC_FUZZ_READER must name a reader:");
  for (const auto& reader : crc::fuzz::readers()) std::fprintf(stderr, " %s", reader.name);
  std::fprintf(stderr, "\n");
  std::exit(64);
}

std::filesystem::path scratch() {
  char name[] = "/dev/shm/crc-fuzz-XXXXXX";
  const char* made = mkdtemp(name);
  return made ? made : std::filesystem::temp_directory_path();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const crc::fuzz::Reader& reader = chosen();
  static const std::filesystem::path folder = scratch();
  try {
    crc::fuzz::run(reader, {data, size}, folder);
  } catch (const std::exception& defect) {
    std::fprintf(stderr, "%s: %s\n", reader.name, defect.what());
    std::abort();
  }
  return 0;
}
