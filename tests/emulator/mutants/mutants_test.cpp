#include "tests/emulator/mutants/mutants.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <regex>

#include "tests/emulator/emulator.h"

namespace emulator::mutants {

void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }

namespace {

struct Outcome {
  bool passed;
  std::string report;
};

// In a process of its own, since a report ends the process.
Outcome run(const Mutant& mutant) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    const std::string wrong = mutant.run();
    if (!wrong.empty()) printf("%s\n", wrong.c_str());
    fflush(nullptr);
    _exit(wrong.empty() ? 0 : 1);
  }
  close(ends[1]);
  std::string report;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) report.append(buffer, size_t(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0, report};
}

class MutantTest : public ::testing::TestWithParam<Mutant> {};

TEST_P(MutantTest, IsJudgedRightly) {
  const auto [passed, report] = run(GetParam());
  if (GetParam().expected.empty()) {
    EXPECT_TRUE(passed) << report;
    EXPECT_EQ(report, "");
  } else {
    EXPECT_FALSE(passed) << "not caught";
    EXPECT_TRUE(std::regex_search(report, std::regex(GetParam().expected))) << "caught otherwise:\n" << report;
    if (report.find("emulator: ERROR") != std::string::npos) {
      EXPECT_NE(report.find("mutants.cpp:"), std::string::npos) << "does not say where:\n" << report;
    }
    if (std::getenv("EMULATOR_SHOW")) printf("%s\n", report.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(, MutantTest, ::testing::ValuesIn(mutants()),
                         [](const auto& info) { return info.param.name; });

TEST(Mutants, AreManyAndCheckedByTheChecker) {
  EXPECT_STREQ(flavour(), "checker");
  int bugs = 0;
  for (const Mutant& mutant : mutants()) bugs += !mutant.expected.empty();
  EXPECT_GE(bugs, 25);
}

}  // namespace
}  // namespace emulator::mutants
