// choices.json: what it gives back, shares and refuses; and the gate with it, from a first contact to a resumed run.
#include "apps/gate/choices_file.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/base/json.h"
#include "tests/apps/scratch_dir.h"

namespace crc::apps::test {
namespace {

using ::testing::HasSubstr;

constexpr const char *kMachine = "GPU A, sm_90; cuDNN 9.19.0; crc 1 (abc)", *kKey = "conv2d x [1,2,3,4] f32";
const Chosen kFast{"own, fast", "cuDNN 1 [2=0]", 1e-4, 2e-4, 1e-7}, kOther{"other", "cuDNN 1 [2=0]", 1.5e-4, 2e-4, 0};

struct ChoicesFileTest : testing::Test {
  ScratchDir dir;
  ChoicesFile file(const std::string& machine = kMachine) const { return ChoicesFile(dir.path(), machine); }
  std::string text() const { return read_file(dir / ChoicesFile::kName); }
};

TEST_F(ChoicesFileTest, HoldsWhatWasKept) {
  EXPECT_FALSE(file().find(kKey));
  EXPECT_FALSE(fs::exists(dir / ChoicesFile::kName));  // runs of earlier versions have none, and get none by reading
  EXPECT_EQ(file().keep(kKey, kFast), kFast);
  EXPECT_EQ(file().find(kKey), kFast);
  EXPECT_EQ(file().note(), "");
  EXPECT_FALSE(file().find("another"));
}

TEST_F(ChoicesFileTest, TheFirstToKeepDecides) {
  ChoicesFile first = file(), second = file();  // two processes that began together
  first.keep(kKey, kFast);
  EXPECT_FALSE(second.find(kKey));
  EXPECT_EQ(second.keep(kKey, kOther), kFast);
  EXPECT_EQ(second.keep("another", kOther), kOther);
  EXPECT_EQ(first.keep("third", kFast), kFast);
  EXPECT_EQ(file().find("another"), kOther);
  EXPECT_EQ(file().find(kKey), kFast);
}

TEST_F(ChoicesFileTest, ChoicesOfAnotherDeviceOrVersionStayAndAreNotUsed) {
  file().keep(kKey, kFast);
  for (const char* machine : {"GPU B, sm_80; cuDNN 9.19.0; crc 1 (abc)", "GPU A, sm_90; cuDNN 9.20.0; crc 1 (abc)",
                              "GPU A, sm_90; cuDNN 9.19.0; crc 2 (def)"}) {
    EXPECT_FALSE(file(machine).find(kKey)) << machine;
    EXPECT_THAT(file(machine).note(), HasSubstr(std::string("holds what was chosen for ") + kMachine + "; this is " +
                                                machine + ": chosen anew"));
  }
  file("GPU B").keep(kKey, kOther);
  EXPECT_EQ(file().find(kKey), kFast);
  EXPECT_EQ(file("GPU B").find(kKey), kOther);
  EXPECT_EQ(file().note(), "");
}

TEST_F(ChoicesFileTest, DamageIsSaidAndNoError) {
  file().keep(kKey, kFast);
  std::string changed = text();
  changed[changed.find("own, fast")] = 'O';
  for (const std::string& content : {changed, text().substr(0, text().size() / 2), std::string("{}"), std::string()}) {
    commit_file(dir / ChoicesFile::kName, content);
    ChoicesFile damaged = file();
    EXPECT_FALSE(damaged.find(kKey)) << content;
    EXPECT_THAT(damaged.note(), HasSubstr("choices.json is damaged: chosen anew")) << content;
    EXPECT_EQ(damaged.keep(kKey, kOther), kOther);
    EXPECT_EQ(file().find(kKey), kOther);
    EXPECT_EQ(file().note(), "");
    file().keep(kKey, kFast);
  }
}

TEST_F(ChoicesFileTest, EntriesOfAnotherShapeAreLeftOut) {
  commit_file(dir / ChoicesFile::kName,
              json_text(nlohmann::json{{"schema", 1},
                                       {"machines", {{kMachine, {{kKey, {{"way", 7}}}, {"second", "x"}}}, {"b", 3}}}}));
  EXPECT_FALSE(file().find(kKey));
  EXPECT_EQ(file().keep(kKey, kFast), kFast);
}

// A gate over a run directory: its ways write a number, on a clock that they move.
struct GateOverRun : ChoicesFileTest {
  ScratchDir sweep;
  double clock = 0, output = 0, kept = 0;
  int runs = 0;
  std::vector<std::string> notes;

  std::string chosen(const fs::path& run, const fs::path& shared = {}, double fast = 0.25,
                     const std::string& machine = kMachine) {
    Gate gate(Gate::Tier::chosen);
    gate.store_in(choices_of(run, shared, machine, notes));
    const auto way = [&](const char* name, double seconds, double value) {
      return Way{name,
                 [=, this] {
                   ++runs;
                   clock += seconds;
                   output = value;
                 },
                 0};
    };
    const std::vector<Way> ways{way("plain", 1, 9), way("fast", fast, 9), way("wrong", 0.01, 8)};
    return ways[gate.choose(kKey, ways,
                            {.tolerance = 1e-6,
                             .prepare = [&] { output = NAN; },
                             .keep = [&] { kept = output; },
                             .difference = [&] { return std::abs(output - kept) / kept; },
                             .seconds =
                                 [&](const std::function<void()>& run_it) {
                                   const double begin = clock;
                                   run_it();
                                   return clock - begin;
                                 }})]
        .name;
  }
};

TEST_F(GateOverRun, AResumedRunComputesAsItBeganWithoutAContest) {
  EXPECT_EQ(chosen(dir.path()), "fast");
  runs = 0;
  EXPECT_EQ(chosen(dir.path(), {}, 3), "fast");  // whatever a contest would say today
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(notes.empty());
}

TEST_F(GateOverRun, OnAnotherMachineItIsChosenAnewAndSaid) {
  chosen(dir.path());
  runs = 0;
  EXPECT_EQ(chosen(dir.path(), {}, 3, "another"), "plain");
  EXPECT_GT(runs, 0);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("chosen anew"));
}

TEST_F(GateOverRun, RunsOfASweepComputeAlike) {
  ScratchDir second;
  EXPECT_EQ(chosen(dir.path(), sweep.path()), "fast");
  runs = 0;
  EXPECT_EQ(chosen(second.path(), sweep.path(), 3), "fast");
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(chosen(second.path(), {}, 3), "fast");  // and moved out of it
}

TEST_F(GateOverRun, TheSweepsChoiceStandsAgainstOneMadeMeanwhile) {
  Gate::Store late = choices_of(dir.path(), sweep.path(), kMachine, notes);
  ScratchDir first;
  EXPECT_EQ(chosen(first.path(), sweep.path()), "fast");
  EXPECT_EQ(late.keep(kKey, kOther).way, "fast");
  EXPECT_EQ(chosen(dir.path(), {}, 3), "fast");
}

}  // namespace
}  // namespace crc::apps::test
