// Every reader of files, as a function of bytes: what the fuzzer, the corpus test and whoever writes a new reader
// share. A reader may return or throw crc::Error; anything else (a crash, another exception, exit code 70) is a defect.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace crc::fuzz {

using Bytes = std::span<const uint8_t>;

struct Reader {
  const char* name;
  // Reads the bytes as a file of this kind; what takes a path finds them below `folder`, which is empty before.
  std::function<void(Bytes bytes, const std::filesystem::path& folder)> read;
  // Small valid files, for the fuzzer to begin with; tests/fuzz/corpus/<name>/ holds past findings.
  std::function<std::vector<std::string>()> seeds;
};

const std::vector<Reader>& readers();

enum class Verdict { accepted, refused };
// Runs one input. Throws std::runtime_error, saying what happened, where the outcome is a defect.
Verdict run(const Reader& reader, Bytes bytes, const std::filesystem::path& folder);

}  // namespace crc::fuzz
