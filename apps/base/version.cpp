#include "apps/base/version.h"

#include "crc_commit.h"  // written by cmake/CrcCommit.cmake at every build

namespace crc::apps {

std::string version() { return CRC_VERSION; }
std::string commit() { return CRC_COMMIT; }
std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__ ", " CRC_BUILD_TYPE;
#else
  return "g++ " __VERSION__ ", " CRC_BUILD_TYPE;
#endif
}

}  // namespace crc::apps
