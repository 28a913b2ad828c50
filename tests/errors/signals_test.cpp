// Asking a program to stop while it does what is not training: it ends within two seconds, with 75, and loses nothing.
#include <chrono>
#include <functional>

#include "tests/errors/outside.h"
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

using Clock = std::chrono::steady_clock;

// What is not there within half a minute is not coming.
bool await(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

bool file_says(const fs::path& path, const std::string& words) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str().find(words) != std::string::npos;
}

class Stopped : public Outside {
 protected:
  // A net and steps so small that nearly all the time goes into what `settings` make long.
  static std::string run_of(const std::string& settings) {
    return " --quiet --set run.device=cpu --set data.name=street_digits --set data.profile=easy --set model.depth=10 "
           "--set model.width=1 --set model.base_channels=4 --set model.first_stride=2 --set ssl.batch=4 --set "
           "ssl.mu=1 "
           "--set ssl.steps_per_epoch=3 --set acquisition.name=crc --set acquisition.initial=10 --set "
           "acquisition.rounds=1 " +
           settings;
  }
  // Sends SIGTERM to the run in folder/name once `due`; it must end soon.
  void stop(const std::string& name, const std::string& settings, const std::function<bool()>& due) const {
    Background background("run demo --out " + folder + "/" + name + run_of(settings) + " 2> " + folder + "/words");
    ASSERT_TRUE(await(due));
    const Clock::time_point asked = Clock::now();
    EXPECT_EQ(background.after(0, SIGTERM), 75);
    EXPECT_LT(Clock::now() - asked, std::chrono::seconds(2));
  }
  void same(const std::string& whole, const std::string& resumed) const {
    for (const char* file : {"labels.jsonl", "rounds/00/query.csv", "rounds/00/weights.safetensors",
                             "rounds/01/weights.safetensors", "rounds/01/best.safetensors"})
      EXPECT_EQ(read(folder + "/" + whole + "/" + file), read(folder + "/" + resumed + "/" + file)) << file;
  }
};

TEST_F(Stopped, InAQuery) {
  const std::string settings =
      "--set data.train_size=1200 --set data.test_size=20 --set ssl.epochs=1 --set acquisition.budget=40 "
      "--set acquisition.group_size=1 --set acquisition.search=exchange";
  const std::string run = folder + "/stopped";
  stop("stopped", settings, [&] { return file_says(run + "/log.txt", "exchange: 10 items chosen"); });
  EXPECT_TRUE(file_says(run + "/PREEMPTED", "stopped by SIGTERM"));
  EXPECT_TRUE(file_says(folder + "/words",
                        "crc_train: stopped by SIGTERM; nothing is lost, continue with: crc_train "
                        "resume " +
                            run));
  EXPECT_FALSE(fs::exists(run + "/rounds/00/query.csv"));
  expect("resume " + run + " --quiet", 0, "");
  EXPECT_FALSE(fs::exists(run + "/PREEMPTED"));
  expect("run demo --out " + folder + "/whole" + run_of(settings), 0, "");
  same("whole", "stopped");
}

// The steps before it are in a checkpoint, so that it is all that is done again.
TEST_F(Stopped, InAnEvaluation) {
  const std::string settings =
      "--set data.train_size=100 --set data.test_size=3000 --set ssl.epochs=2 --set acquisition.budget=10";
  const fs::path run = folder + "/stopped", index = run / "ckpt/index.json";
  stop("stopped", settings, [&] { return file_says(index, "round-00-step-000000006.safetensors"); });
  EXPECT_TRUE(fs::exists(run / "PREEMPTED"));
  EXPECT_FALSE(file_says(run / "metrics.jsonl", "\"epoch\":2"));
  expect("resume " + run.string(), 0, "resumed round 0 at step 6");
  expect("run demo --out " + folder + "/whole" + run_of(settings), 0, "");
  same("whole", "stopped");
}

TEST_F(Stopped, BeforeTheRunExists) {
  Background background("run demo --out " + folder + "/run" + run_of("--set data.train_size=400000") + " 2> " + folder +
                        "/words");
  EXPECT_EQ(background.after(500, SIGTERM), 75);
  EXPECT_TRUE(file_says(folder + "/words",
                        "crc_train: stopped by SIGTERM; nothing is lost, the same command starts "
                        "anew"));
  EXPECT_FALSE(fs::exists(folder + "/run"));
}

TEST_F(SelectFixture, StoppedInASearchWritesNothing) {
  std::vector<float> large;
  for (int64_t i = 0; i < 20000 * 32; ++i) large.push_back(Draws(7, Purpose::test, i, 0).uniform(-1, 1));
  write<float>("large.npy", large, {20000, 32});
  const auto files = [&] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder)) count += entry.is_regular_file();
    return count;
  };
  const int before = files();
  const Outcome o = shell("cd " + folder + "; " +
                          program("--features large.npy --labeled l.npy --budget 400 --search "
                                  "exchange --group 1 --out p.csv --scores s.npy") +
                          " & sleep 1; kill -INT $!; wait $!");
  EXPECT_EQ(o.code, 75) << o.words;
  EXPECT_NE(o.words.find("crc_select: stopped by SIGINT; nothing is lost, the same command starts anew"),
            std::string::npos)
      << o.words;
  EXPECT_EQ(files(), before);  // not even a temporary
}

}  // namespace
}  // namespace crc::test
