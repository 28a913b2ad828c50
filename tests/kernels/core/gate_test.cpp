// The gate among ways that are right or wrong, fast or slow, hungry or broken, on a clock of their own: what it takes,
// keeps and refuses.
#include "kernels/core/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "kernels/core/error.h"

namespace crc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kKey = "square [1] f32";
constexpr double kTolerance = 1e-6;

class GateTest : public testing::Test {
 protected:
  GateTest() {
    gate.log_to([this](const std::string& line) { lines.push_back(line); });
  }

  // A way that takes so many seconds of our clock and leaves that result.
  Way way(const std::string& name, double seconds, double value, int64_t workspace = 0) {
    return {name,
            [this, name, seconds, value] {
              runs.push_back(name);
              clock += seconds;
              output = value;
            },
            workspace};
  }
  Way plain() { return way("plain", 1, 9); }
  Contest contest() {
    return {.tolerance = kTolerance,
            .prepare = [this] { output = NAN; },
            .keep = [this] { kept = output; },
            .difference = [this] { return std::abs(output - kept) / std::abs(kept); },
            .seconds =
                [this](const std::function<void()>& run) {
                  const double begin = clock;
                  run();
                  return clock - begin;
                }};
  }
  std::string chosen(const std::vector<Way>& ways) { return ways[gate.choose(kKey, ways, contest())].name; }
  const Tried& tried(size_t i) const { return gate.verdicts().back().tried[i]; }

  Gate gate{Gate::Tier::chosen};
  double clock = 0, output = 0, kept = 0;
  std::vector<std::string> runs, lines;
};

TEST_F(GateTest, TakesWhatIsRightAndFast) {
  EXPECT_EQ(chosen({plain(), way("fast", 0.25, 9 + 1e-6)}), "fast");
  const Chosen& choice = gate.verdicts()[0].choice;
  EXPECT_EQ(choice.way, "fast");
  EXPECT_EQ(choice.plain, "plain");
  EXPECT_DOUBLE_EQ(choice.seconds, 0.25);
  EXPECT_DOUBLE_EQ(choice.plain_seconds, 1);
  EXPECT_NEAR(choice.difference, 1e-6 / 9, 1e-12);
  EXPECT_THAT(lines,
              ElementsAre("gate: square [1] f32: fast, 250000.0 us (plain: plain, 1000000.0 us; difference 1.1e-07)"));
}

TEST_F(GateTest, TakesTheFastestOfThoseThatAreRight) {
  EXPECT_EQ(chosen({plain(), way("a", 0.5, 9), way("b", 0.25, 9), way("c", 0.3, 9)}), "b");
  EXPECT_THAT(lines[0], HasSubstr("; a 500000.0 us; c 300000.0 us"));
}

TEST_F(GateTest, LeavesWhatIsRightAndSlow) {
  EXPECT_EQ(chosen({plain(), way("slow", 2, 9), way("hardly faster", 0.99, 9)}), "plain");
  EXPECT_TRUE(gate.verdicts()[0].all_right());
}

TEST_F(GateTest, RefusesWhatIsWrongHoweverFastAndDoesNotTimeIt) {
  EXPECT_EQ(chosen({plain(), way("wrong", 1e-3, 9.001)}), "plain");
  EXPECT_EQ(tried(1).seconds, 0);
  EXPECT_THAT(tried(1).refused, HasSubstr("DIFFERS by 1.1e-04 of 1.0e-06"));
  EXPECT_FALSE(gate.verdicts()[0].all_right());
  EXPECT_THAT(lines[0], HasSubstr("wrong DIFFERS by"));
  EXPECT_EQ(std::count(runs.begin(), runs.end(), "wrong"), 1);
}

TEST_F(GateTest, RefusesWhatIsNotFiniteOrWritesNothing) {
  const Way idle{"idle", [] {}, 0};  // would pass if plain's result still stood there
  EXPECT_EQ(chosen({plain(), idle, way("nan", 1e-3, NAN)}), "plain");
  EXPECT_THAT(tried(1).refused, HasSubstr("DIFFERS by nan"));
  EXPECT_THAT(tried(2).refused, HasSubstr("DIFFERS by nan"));
}

TEST_F(GateTest, RefusesWhatThrowsAndGoesOn) {
  const Way broken{"broken", [] { fail(ExitCode::out_of_memory, "no memory"); }, 0};
  const Way strange{"strange", [] { throw std::runtime_error("of another kind"); }, 0};
  EXPECT_EQ(chosen({plain(), broken, strange, way("fast", 0.5, 9)}), "fast");
  EXPECT_EQ(tried(1).refused, "FAILS: no memory");
  EXPECT_FALSE(gate.verdicts()[0].all_right());
  EXPECT_EQ(tried(2).refused, "FAILS: of another kind");
}

TEST_F(GateTest, WhatThrowsWhenTimedIsRefusedToo) {
  int calls = 0;
  const Way tired{"tired",
                  [&] {
                    output = 9;
                    if (++calls > 1) throw std::runtime_error("no more");
                  },
                  0};
  EXPECT_EQ(chosen({plain(), tired}), "plain");
  EXPECT_EQ(tried(1).refused, "FAILS: no more");
}

TEST_F(GateTest, ThePlainWaysErrorIsTheCallers) {
  const Way broken{"plain", [] { fail(ExitCode::internal, "no engine"); }, 0};
  EXPECT_THROW(chosen({broken, way("fast", 0.5, 9)}), Error);
  EXPECT_TRUE(gate.verdicts().empty());
}

TEST_F(GateTest, WithoutMemoryToCompareInThePlainWayIsTakenAndNotStored) {
  int stored = 0;
  gate.store_in({{}, [&](const std::string&, const Chosen& c) { return ++stored, c; }});
  Contest tight = contest();
  tight.keep = [] { fail(ExitCode::out_of_memory, "126 MB"); };
  const std::vector<Way> ways{plain(), way("fast", 0.25, 9)};
  EXPECT_EQ(gate.choose(kKey, ways, tight), 0u);
  EXPECT_EQ(gate.choose(kKey, ways, contest()), 0u);  // no second attempt in every step
  EXPECT_EQ(stored, 0);
  EXPECT_THAT(lines, ElementsAre("gate: square [1] f32: no memory to compare in; plain"));
}

TEST_F(GateTest, NeverRunsWhatTakesTooMuchWorkspace) {
  gate.workspace_limit(100 << 20);
  EXPECT_EQ(chosen({plain(), way("hungry", 0.1, 9, 101 << 20), way("content", 0.5, 9, 100 << 20)}), "content");
  EXPECT_EQ(std::count(runs.begin(), runs.end(), "hungry"), 0);
  EXPECT_EQ(tried(1).refused, "takes 101 MiB of workspace, 100 are allowed");
  EXPECT_TRUE(gate.verdicts()[0].all_right());
}

TEST_F(GateTest, ChoosesOnceForAKey) {
  const std::vector<Way> ways{plain(), way("fast", 0.25, 9)};
  chosen(ways);
  const size_t before = runs.size();
  EXPECT_EQ(chosen(ways), "fast");
  EXPECT_EQ(runs.size(), before);
  EXPECT_EQ(gate.known(kKey), "fast");
  EXPECT_FALSE(gate.known("another"));
  EXPECT_EQ(gate.choose("another", ways, contest()), 1u);
  EXPECT_EQ(gate.verdicts().size(), 2u);
}

TEST_F(GateTest, ASingleWayIsNotTried) {
  EXPECT_EQ(chosen({plain()}), "plain");
  EXPECT_TRUE(runs.empty());
}

TEST_F(GateTest, ThePlainTierTriesNothingAndAsksNoStore) {
  Gate off(Gate::Tier::plain);
  off.store_in({[](const std::string&) { return Chosen{"fast", "plain", 1, 2, 0}; }, {}});
  EXPECT_EQ(off.choose(kKey, {plain(), way("fast", 0.25, 9)}, contest()), 0u);
  EXPECT_FALSE(off.known(kKey));
  EXPECT_TRUE(runs.empty());
}

TEST_F(GateTest, TheEnvironmentSaysTheTier) {
  const char* before = std::getenv("CRC_TIER");
  const std::string was = before ? before : "";
  ::unsetenv("CRC_TIER");
  EXPECT_EQ(Gate::tier_of_environment(), Gate::Tier::chosen);
  ::setenv("CRC_TIER", "plain", 1);
  EXPECT_EQ(Gate::tier_of_environment(), Gate::Tier::plain);
  ::setenv("CRC_TIER", "fancy", 1);
  EXPECT_THROW(Gate::tier_of_environment(), Error);
  if (before)
    ::setenv("CRC_TIER", was.c_str(), 1);
  else
    ::unsetenv("CRC_TIER");
}

TEST_F(GateTest, StoresAndTakesWhatIsStored) {
  std::map<std::string, Chosen> stored;
  const Gate::Store store{
      [&](const std::string& key) {
        const auto found = stored.find(key);
        return found == stored.end() ? std::nullopt : std::optional(found->second);
      },
      [&](const std::string& key, const Chosen& c) { return stored.emplace(key, c).first->second; }};
  gate.store_in(store);
  const std::vector<Way> ways{plain(), way("fast", 0.25, 9)};
  chosen(ways);
  EXPECT_EQ(stored[kKey].way, "fast");
  runs.clear();
  Gate later(Gate::Tier::chosen);
  later.store_in(store);
  EXPECT_EQ(later.known(kKey), "fast");
  EXPECT_EQ(later.choose(kKey, ways, contest()), 1u);
  EXPECT_TRUE(runs.empty());
}

TEST_F(GateTest, TakesWhatAnotherProcessStoredMeanwhile) {
  gate.store_in({{}, [](const std::string&, const Chosen&) { return Chosen{"other", "plain", 0.4, 1, 0}; }});
  const std::vector<Way> ways{plain(), way("fast", 0.25, 9), way("other", 0.4, 9)};
  EXPECT_EQ(chosen(ways), "other");
  EXPECT_EQ(chosen(ways), "other");
  EXPECT_EQ(lines.back(), "gate: square [1] f32: other, which others chose first");
}

TEST_F(GateTest, AStoredWayThatIsNotOnOfferIsChosenAnewAndSaid) {
  gate.store_in({[](const std::string&) { return Chosen{"of an older cuDNN", "plain", 0.1, 1, 0}; }, {}});
  EXPECT_EQ(chosen({plain(), way("fast", 0.25, 9)}), "fast");
  EXPECT_EQ(lines[0],
            "gate: square [1] f32: the stored choice, of an older cuDNN, is not on offer any more; chosen anew");
}

}  // namespace
}  // namespace crc
