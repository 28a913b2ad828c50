// Every case of crc_bench. A new op's cases are one file, <op>_bench.cpp, and one line in cases.def.
#pragma once

#include <algorithm>
#include <vector>

#include "bench/harness.h"

namespace crc::bench {

// How large the cases are. The images of one pass: a supervised batch on the CPU, FixMatch's 64 + 2 * 448 on CUDA.
struct Scale {
  bool cuda = false;
  bool quick = false;
  bool bf16 = cuda;  // measured too, where the device has it

  int64_t batch() const { return quick ? 1 : cuda ? 960 : 64; }
  int64_t at_most(int64_t n, int64_t when_quick) const { return quick ? std::min(n, when_quick) : n; }
};

class Suite {
 public:
  explicit Suite(Scale scale) : scale(scale) {}
  void add(Case c) { cases_.push_back(std::move(c)); }
  const std::vector<Case>& cases() const { return cases_; }

  const Scale scale;

 private:
  std::vector<Case> cases_;
};

std::vector<Case> all_cases(Scale scale);

// For shapes: "64x32x32x16".
template <class... N> std::string extents(N... n) {
  std::string text;
  ((text += (text.empty() ? "" : "x") + std::to_string(n)), ...);
  return text;
}

}  // namespace crc::bench
