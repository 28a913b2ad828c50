// Small kernels with one bug each, for the proof that the emulator's checker sees what it should.
#pragma once

#include <string>
#include <vector>

namespace emulator::mutants {

struct Mutant {
  std::string name;
  std::string
      expected;  // a regular expression found in the report; empty: the kernel is right, and nothing may be reported
  // "" if the results are right, else what is wrong. Or the checker ends the process.
  std::string (*run)();
};
const std::vector<Mutant>& mutants();

}  // namespace emulator::mutants
