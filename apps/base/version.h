// What this binary is: written into run.json, printed by --version.
#pragma once

#include <string>

namespace crc::apps {

std::string version();   // "0.1.0"
std::string commit();    // "1a2b3c4d5e6f", "-dirty" appended if the tree had changes; "unknown" outside git
std::string compiler();  // "g++ 12.2.0, Release"

}  // namespace crc::apps
