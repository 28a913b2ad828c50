// What the programs' command lines have in common: numbers are checked in words, and an unknown word is answered with
// the ones that it may have meant.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace crc::apps {

CLI::Validator whole_number(int64_t low, int64_t high);  // "-3 is not a whole number from 0 to 4096"
CLI::Validator number(double low, double high);

inline constexpr int64_t kMaxCount = 1'000'000'000'000;

// CLI::Success (--help, --version) passes through; what is wrong is Error 64 and names the help to read.
void parse_command_line(CLI::App& app, int argc, char** argv);

}  // namespace crc::apps
