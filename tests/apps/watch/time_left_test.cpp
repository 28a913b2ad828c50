#include "apps/watch/time_left.h"

#include <gtest/gtest.h>

#include "apps/watch/follower.h"
#include "tests/apps/scratch_dir.h"
#include "tests/apps/watch/fake_run.h"

namespace crc::apps::test {
namespace {

constexpr Course kCourse{.rounds = 4, .epochs = 100, .patience = 20, .steps_per_epoch = 10};

TEST(WorkLeft, CountsToTheCapWherePatienceEndsNothing) {
  Course course = kCourse;
  course.patience = 0;
  EXPECT_EQ(work_left(course, {}, kNone).epochs, 400);
  EXPECT_EQ(work_left(course, {}, kNone).queries, 3);
  EXPECT_EQ(work_left(course, {.round = 3, .epochs = 99.5, .queries = 3}, 100).epochs, 0.5);
  EXPECT_EQ(work_left(course, {.round = 4, .queries = 3}, 100).epochs, 0);
  EXPECT_EQ(work_left(course, {.round = 3, .queries = 2}, 100).queries, 1);  // it is being chosen
}

TEST(WorkLeft, ExpectsOfARoundWhatEarlierOnesTook) {
  EXPECT_EQ(work_left(kCourse, {.round = 1, .epochs = 10, .since_best = 1, .queries = 1}, 40).epochs, 30 + 2 * 40);
  // It is still getting better: twenty epochs more at least. And it never takes more than the cap.
  EXPECT_EQ(work_left(kCourse, {.round = 1, .epochs = 60, .since_best = 1, .queries = 1}, 40).epochs, 20 + 2 * 40);
  EXPECT_EQ(work_left(kCourse, {.round = 1, .epochs = 95, .since_best = 1, .queries = 1}, 40).epochs, 5 + 2 * 40);
}

TEST(WorkLeft, BeforeAnyRoundHasEndedErrsByTheLeastFactor) {
  // The end lies between epoch 21 and 100.
  EXPECT_NEAR(work_left(kCourse, {}, kNone).epochs, 4 * std::sqrt(21.0 * 100), 1e-9);
  const double at_25 = work_left(kCourse, {.round = 0, .epochs = 25, .since_best = 20}, kNone).epochs;
  EXPECT_NEAR(at_25, 4 * std::sqrt(26.0 * 100) - 25, 1e-9);
}

TEST(Pace, IsTheMeanOfTheLastTen) {
  Pace pace;
  EXPECT_TRUE(std::isnan(pace.seconds()));
  for (int i = 0; i < 10; ++i) pace.took(100);
  EXPECT_EQ(pace.seconds(), 100);
  for (int i = 0; i < 10; ++i) pace.took(1);  // somebody else's work has ended
  EXPECT_EQ(pace.seconds(), 1);
}

// A whole run on a synthetic clock, seen from its files: with evaluation in every epoch, checkpoints that no record
// names, and queries that take as long as a third of a round.
TEST(TimeLeft, OfARunIsRightWithinAFactorOfTwo) {
  ScratchDir dir;
  const FakeRun run{.directory = dir / "run",
                    .rounds = 4,
                    .epochs = 30,
                    .best = 9,
                    .epoch_s = 60,
                    .query_s = 600,
                    .save_s = 5,
                    .steps_per_epoch = 10};
  Follower follower(run.directory);
  double before = -1;
  int looks = 0;
  for (double now = 0; now < run.seconds() - 120; before = now, now += 17) {
    run.write(before, now);
    follower.look();
    const Work left = work_left(kCourse, follower.place(kCourse), usual_epochs(follower.finished()));
    const double epoch = follower.epoch_seconds(kCourse), query = query_seconds(follower.finished());
    if (std::isnan(epoch)) continue;
    const double seconds = left.epochs * epoch + (std::isnan(query) ? 0 : left.queries * query);
    const double truth = run.seconds() - now;
    EXPECT_GT(seconds, truth / 2) << now;
    EXPECT_LT(seconds, truth * 2) << now;
    ++looks;
  }
  EXPECT_GT(looks, 100);
}

TEST(Follower, SeesARunThatWasResumedFromAnEarlierCheckpoint) {
  ScratchDir dir;
  const FakeRun run{.directory = dir / "run", .rounds = 2, .epochs = 10, .best = 3, .epoch_s = 60, .query_s = 30};
  Follower follower(run.directory);
  follower.look();  // there is nothing yet
  EXPECT_EQ(follower.epochs(), 0);
  EXPECT_TRUE(std::isnan(follower.accuracy()));
  run.write(-1, 60 * 7.5);
  follower.look();
  EXPECT_EQ(follower.epochs(), 7);
  EXPECT_EQ(follower.step(), 700);
  EXPECT_EQ(follower.labels(), 50);
  EXPECT_EQ(follower.place(kCourse).since_best, 5);
  EXPECT_NEAR(follower.epoch_seconds(kCourse), 60, 1e-9);
  const std::string text = read_file(run.directory / "metrics.jsonl");
  size_t fourth = 0;
  for (int i = 0; i < 4; ++i) fourth = text.find('\n', fourth) + 1;
  fs::resize_file(run.directory / "metrics.jsonl", fourth);
  follower.look();
  EXPECT_EQ(follower.epochs(), 4);
  std::ofstream(run.directory / "metrics.jsonl", std::ios::app) << "{\"round\":0,\"epoch\":5,\"st";  // torn
  follower.look();
  EXPECT_EQ(follower.epochs(), 4);
  std::ofstream(run.directory / "metrics.jsonl", std::ios::app) << "ep\":500,\"seconds\":300}\nnot JSON\n";
  std::ofstream(run.directory / "rounds.csv") << "not a table";
  follower.look();
  EXPECT_EQ(follower.epochs(), 5);
  fs::remove(run.directory / "rounds.csv");
  run.write(60 * 10 - 1, 60 * 10 + 31);  // the round's end, and its query
  follower.look();
  EXPECT_EQ(follower.round(), 1);
  EXPECT_EQ(follower.epochs(), 0);
  EXPECT_EQ(follower.place(kCourse).queries, 1);
  fs::remove_all(run.directory);
  follower.look();  // what is gone says nothing
  EXPECT_EQ(follower.round(), 0);
}

}  // namespace
}  // namespace crc::apps::test
