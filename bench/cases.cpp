#include "bench/cases.h"

namespace crc::bench {

#define CRC_BENCH_CASES(function) void function(Suite& suite);
#include "bench/cases.def"
#undef CRC_BENCH_CASES

std::vector<Case> all_cases(Scale scale) {
  Suite suite(scale);
#define CRC_BENCH_CASES(function) function(suite);
#include "bench/cases.def"
#undef CRC_BENCH_CASES
  return suite.cases();
}

}  // namespace crc::bench
