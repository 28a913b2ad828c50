#include "apps/sweep/cells.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/apps/scratch_dir.h"
#include "tests/apps/watch/fake_run.h"

namespace crc::apps::test {
namespace {

// Cells on a synthetic clock: each begins when a place is free and those of earlier phases are done.
struct FakeSweep {
  std::vector<FakeRun> runs;
  std::vector<int> phases;
  std::vector<std::string> extra;  // a setting that makes kinds differ
  int64_t places = 2, cap = 10, patience = 0;
  std::vector<double> begins = {};
  double end = 0;

  void schedule(double now) {
    std::vector<double> free(size_t(places), now);
    int phase = 0;
    begins.clear();
    for (size_t i = 0; i < runs.size(); ++i) {
      if (phases[i] != phase) free.assign(size_t(places), *std::ranges::max_element(free)), phase = phases[i];
      double& place = *std::ranges::min_element(free);
      begins.push_back(place);
      place += runs[i].seconds();
    }
    end = *std::ranges::max_element(free);
  }
  std::vector<PlannedRun> planned() const {
    std::vector<PlannedRun> list;
    for (size_t i = 0; i < runs.size(); ++i) {
      PlannedRun run{.directory = runs[i].directory, .config = {}, .phase = phases[i]};
      for (const std::string& setting :
           {fmt::format("acquisition.rounds={}", runs[i].rounds - 1), fmt::format("ssl.epochs={}", cap),
            fmt::format("ssl.patience_epochs={}", patience),
            fmt::format("ssl.steps_per_epoch={}", runs[i].steps_per_epoch), extra[i]})
        run.config.merge_setting(setting);
      list.push_back(std::move(run));
    }
    return list;
  }
  // The estimate at each moment from `sure` seconds on, but for the last tenth: within a factor of two.
  void expect_right(double sure) {
    CellProgress progress(planned(), places);
    double before = -1;
    int looks = 0;
    for (double now = 0; now < 0.9 * end; before = now, now += end / 400) {
      for (size_t i = 0; i < runs.size(); ++i)
        if (now >= begins[i]) runs[i].write(before - begins[i], now - begins[i]);
      progress.done();
      const double left = progress.seconds_left(now);
      if (now < sure) continue;
      EXPECT_GT(left, (end - now) / 2) << now << " of " << end;
      EXPECT_LT(left, (end - now) * 2) << now << " of " << end;
      ++looks;
    }
    EXPECT_GT(looks, 100);
  }
};

struct CellsTest : ::testing::Test {
  ScratchDir dir;
  FakeSweep sweep;
  void add(FakeRun run, int phase = 0, const std::string& setting = "model.depth=28") {
    run.directory = dir / std::to_string(sweep.runs.size());
    sweep.runs.push_back(run);
    sweep.phases.push_back(phase);
    sweep.extra.push_back(setting);
  }
};

// The last cell alone takes as long as all before it side by side.
TEST_F(CellsTest, KnowThatTheLastOneRunsAlone) {
  sweep.places = 4;
  for (int i = 0; i < 5; ++i) add({.rounds = 3, .epochs = 10, .epoch_s = 60, .start_s = 10, .save_s = 6});
  sweep.schedule(0);
  sweep.expect_right(90);
}

TEST_F(CellsTest, OfSeveralKindsAndPhasesWithLongQueries) {
  for (int i = 0; i < 3; ++i) add({.rounds = 1, .epochs = 10, .epoch_s = 50}, 0);
  for (int i = 0; i < 4; ++i) {
    add({.rounds = 4, .epochs = 10, .epoch_s = 50, .query_s = 300}, 1);
    add({.rounds = 4, .epochs = 10, .epoch_s = 500, .steps_per_epoch = 1000}, 1, "model.depth=40");
  }
  sweep.schedule(0);
  sweep.expect_right(55);
}

TEST_F(CellsTest, WhoseRoundsEndByPatience) {
  sweep.cap = 100, sweep.patience = 10;
  for (int i = 0; i < 6; ++i) add({.rounds = 4, .epochs = 25, .best = 15, .epoch_s = 20, .query_s = 40});
  sweep.schedule(0);
  sweep.expect_right(25);
}

// The first four were trained alone, twice as fast as those that now share the cores.
TEST_F(CellsTest, OfAResumedSweep) {
  for (int i = 0; i < 4; ++i) {
    add({.rounds = 3, .epochs = 10, .epoch_s = 30});
    sweep.runs.back().write(-1, 1e9);
  }
  for (int i = 0; i < 6; ++i) add({.rounds = 3, .epochs = 10, .epoch_s = 60, .start_s = 5});
  CellProgress progress(sweep.planned(), sweep.places);
  FakeSweep now = sweep;  // what this command trains
  now.runs.erase(now.runs.begin(), now.runs.begin() + 4);
  now.schedule(0);
  double before = -1;
  for (double at = 0; at < 0.9 * now.end; before = at, at += 7) {
    for (size_t i = 0; i < now.runs.size(); ++i)
      if (at >= now.begins[i]) now.runs[i].write(before - now.begins[i], at - now.begins[i]);
    EXPECT_GE(progress.done(), progress.total() * 4 / 10);
    EXPECT_GE(progress.finished(), 4);
    const double left = progress.seconds_left(at), truth = now.end - at;  // known at once: the others' files say it
    EXPECT_GT(left, truth / 2.1) << at;
    EXPECT_LT(left, truth * 2) << at;
  }
}

TEST_F(CellsTest, SayNothingBeforeAnythingIsKnown) {
  add({});
  add({}, 1);
  CellProgress progress(sweep.planned(), 2);
  EXPECT_EQ(progress.done(), 0);
  EXPECT_TRUE(std::isnan(progress.seconds_left(0)));
}

TEST_F(CellsTest, ThatAreAllDoneHaveNothingLeft) {
  add({});
  sweep.runs[0].write(-1, 1e9);
  CellProgress progress(sweep.planned(), 2);
  EXPECT_EQ(progress.done(), progress.total());
  EXPECT_EQ(progress.finished(), 1);
  EXPECT_EQ(progress.seconds_left(0), 0);
}

}  // namespace
}  // namespace crc::apps::test
