// A run, call by call: what a host program does is what the commands do.
#include "apps/session/session.h"

#include <gtest/gtest.h>

#include <set>

#include "apps/base/files.h"
#include "apps/rundir/run_state.h"
#include "data/npy.h"
#include "tests/apps/scratch_dir.h"
#include "tests/expect_error.h"
#include "tests/write_file.h"

namespace crc::apps::test {
namespace {

using Settings = std::vector<std::string>;
using crc::test::write_file;

const Settings kSmall{"model.depth=10",
                      "model.width=1",
                      "model.base_channels=4",
                      "ssl.batch=4",
                      "ssl.mu=1",
                      "ssl.epochs=2",
                      "ssl.steps_per_epoch=4",
                      "run.device=cpu",
                      "run.threads=1",
                      "acquisition.name=crc",
                      "acquisition.budget=4",
                      "acquisition.rounds=1",
                      "acquisition.group_size=2",
                      "acquisition.first=leading",
                      "acquisition.initial=6"};

class SessionTest : public ::testing::Test {
 protected:
  // 24 images, of which the first `known` have a label.
  std::string arrays(int64_t known) const {
    const fs::path folder = scratch.path() / "arrays";
    fs::create_directories(folder);
    std::vector<uint8_t> pixels;
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < 24 * 8 * 8 * 3; ++i) pixels.push_back(uint8_t(i * i * 31 % 251));
    for (int64_t i = 0; i < 24; ++i) labels.push_back(i < known ? i % 3 : -1);
    write_file(folder / "train.npy", data::encode_npy<uint8_t>(pixels, std::vector<int64_t>{24, 8, 8, 3}));
    write_file(folder / "train_labels.npy", data::encode_npy<int64_t>(labels, std::vector<int64_t>{24}));
    return folder.string();
  }
  Session create(const std::string& name, int64_t known) const {
    Settings settings = kSmall;
    const std::string directory = (scratch.path() / name).string();
    settings.push_back("data.name=arrays");
    settings.push_back("data.dir=" + directory + "/data");
    return Session::create(directory, "", settings, arrays(known));
  }
  static std::string weights(const Session& session) {
    return read_file(fs::path(session.directory()) / "rounds/01/weights.safetensors");
  }
  ScratchDir scratch;
};

TEST_F(SessionTest, GoesFromCallToCall) {
  const Session session = create("a", 6);
  EXPECT_TRUE(fs::exists(scratch.path() / "a/data/train.npy"));
  EXPECT_FALSE(fs::exists(scratch.path() / "arrays")) << "moved";
  EXPECT_EQ(session.state().marker, "");
  EXPECT_EQ(session.train({}), ExitCode::waiting_for_labels);
  EXPECT_EQ(session.state().marker, "WAITING");
  const Session::Asked asked = session.query();
  ASSERT_EQ(asked.items.size(), 4u);
  EXPECT_EQ(asked.pixels.size(), 4u * 8 * 8 * 3);
  std::vector<Session::Label> labels;
  for (const int64_t item : asked.items) labels.push_back({item, -1, std::to_string(item % 3)});
  expect_error(ExitCode::corrupt_data, {"has class \"7\", which the run does not have"}, [&] {
    (void)session.label({{asked.items[0], -1, "7"}}, "me");
  });
  const std::vector<std::string> notes = session.label({labels[0]}, "me");  // in parts
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_TRUE(notes[0].starts_with("3 of 4 queried items have no answer yet: ")) << notes[0];
  EXPECT_EQ(session.state().marker, "WAITING");
  EXPECT_EQ(session.label(labels, "me"), Settings{});
  EXPECT_EQ(session.train({}), ExitCode::ok);
  EXPECT_EQ(session.train({}), ExitCode::ok);
  EXPECT_EQ(session.state().labels.size(), 10u);
  const Session::Predicted p = session.predict(8, 8, std::vector<uint8_t>(3 * 8 * 8 * 3, 100), -1, false);
  EXPECT_EQ(p.logits.size(), size_t(p.count * p.classes));
  EXPECT_EQ(p.count, 3);
  expect_error(ExitCode::usage, {"the images are 4x8, and those of the run are 8x8"},
               [&] { (void)session.predict(4, 8, std::vector<uint8_t>(4 * 8 * 3), -1, false); });
}

TEST_F(SessionTest, StopsAfterACheckpointAndLosesNothing) {
  const Session whole = create("whole", 24);
  EXPECT_EQ(whole.train({}), ExitCode::ok);
  const Session stopped = create("stopped", 24);
  int64_t steps = 0, stops = 0;
  Watch watch;
  watch.progress = [&](const std::string&, int64_t done, int64_t, const std::string&) { steps = done; };
  ExitCode code = ExitCode::preempted;
  for (int64_t until = 3; code == ExitCode::preempted; until += 3, ++stops) {
    watch.stop = [&, until] { return steps >= until; };
    code = stopped.train(watch);
    EXPECT_EQ(stopped.state().marker, code == ExitCode::ok ? "DONE" : "PREEMPTED");
    ASSERT_LT(stops, 20);
  }
  EXPECT_EQ(code, ExitCode::ok);
  EXPECT_GE(stops, 3);
  EXPECT_EQ(weights(stopped), weights(whole));
  EXPECT_EQ(stopped.state().labels, whole.state().labels);
}

TEST_F(SessionTest, FindsItsDataWhereTheRunWasMoved) {
  (void)create("a", 24);
  fs::rename(scratch.path() / "a", scratch.path() / "moved");
  const Session moved((scratch.path() / "moved").string());
  EXPECT_EQ(moved.train({}), ExitCode::ok);
  EXPECT_EQ(moved.query().items.size(), 4u);
}

TEST_F(SessionTest, ListsEveryAcquisition) {
  std::set<std::string> names;
  for (const AcquisitionRow& row : acquisition_table()) {
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_FALSE(row.description.empty());
  }
  EXPECT_TRUE(names.contains("crc"));
}

}  // namespace
}  // namespace crc::apps::test
