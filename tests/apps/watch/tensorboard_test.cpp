#include "apps/watch/tensorboard.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/apps/scratch_dir.h"

namespace crc::apps::test {
namespace {

std::string line(int64_t round, int64_t epoch, double accuracy) {
  return nlohmann::ordered_json{{"seq", 0},
                                {"round", round},
                                {"epoch", epoch},
                                {"step", epoch * 10},
                                {"labels", 50},
                                {"loss_x", 0.5},
                                {"test_acc", accuracy},
                                {"val_acc", nullptr},
                                {"pseudo_precision", {0.5, nullptr, 1.0}}}
             .dump() +
         "\n";
}

struct Events {
  ScratchDir dir;
  fs::path metrics = dir / "metrics.jsonl", file = dir / EventLog::kFile;
  void write(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& l : lines) text += l;
    commit_file(metrics, text);
  }
  // Those in the file, without their times.
  std::vector<std::string> found() const {
    const std::string content = read_file(file);
    const Records records = read_records(content);
    EXPECT_EQ(records.ends.back(), content.size()) << "a torn tail";
    std::vector<std::string> events;
    for (size_t i = 1; i < records.payloads.size(); ++i) events.emplace_back(without_time(records.payloads[i]));
    return events;
  }
};

TEST(TensorBoard, ScalarsAreTheNumbersOfALine) {
  const auto scalars = scalars_of(nlohmann::ordered_json::parse(line(1, 2, 0.75)));
  std::map<std::string, float> values;
  for (const Scalar& scalar : scalars) values[scalar.tag] = scalar.value;
  EXPECT_EQ(values, (std::map<std::string, float>{{"accuracy/test_acc", 0.75f},
                                                  {"loss/loss_x", 0.5f},
                                                  {"run/labels", 50},
                                                  {"run/round", 1},
                                                  {"run/epoch", 2},
                                                  {"pseudo/pseudo_precision", 0.75f}}));
}

TEST(TensorBoard, EveryLineIsOneEventWithStepsThatOnlyGrow) {
  Events events;
  events.write({line(0, 1, 0.1)});
  EventLog log(events.dir.path());
  log.follow();
  log.follow();
  EXPECT_EQ(events.found().size(), 1u);
  events.write({line(0, 1, 0.1), line(0, 2, 0.2), line(1, 1, 0.3)});
  log.follow();
  const auto found = events.found();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].substr(0, 2), "\x10\x0a");
  EXPECT_EQ(found[1].substr(0, 2), "\x10\x14");
  EXPECT_EQ(found[2].substr(0, 2), "\x10\x1e");  // round 0 took 20 steps
}

// Killed at any byte, taken back to a checkpoint, begun before the setting was there: what follows is the same file.
TEST(TensorBoard, AResumeWritesNothingTwiceWhateverWasLeft) {
  const std::vector<std::string> lines{line(0, 1, 0.1), line(0, 2, 0.2), line(0, 3, 0.3)};
  Events whole;
  whole.write(lines);
  EventLog(whole.dir.path()).follow();
  const std::string content = read_file(whole.file);
  const auto expected = whole.found();
  for (size_t length = 0; length <= content.size(); ++length) {
    Events events;
    events.write(lines);
    make_directories(events.file.parent_path());
    commit_file(events.file, content.substr(0, length));
    EventLog(events.dir.path()).follow();
    EXPECT_EQ(events.found(), expected) << length;
  }
  Events back;  // to the first line, and another way from there
  back.write(lines);
  EventLog(back.dir.path()).follow();
  const std::vector<std::string> other{lines[0], line(0, 2, 0.25)};
  back.write({other[0]});
  EventLog log(back.dir.path());
  log.follow();
  EXPECT_EQ(back.found().size(), 1u);
  back.write(other);
  log.follow();
  EXPECT_EQ(back.found().size(), 2u);
  EXPECT_EQ(back.found()[0], expected[0]);
  EXPECT_NE(back.found()[1], expected[1]);
}

// TensorBoard's own reader, where it is installed: CRC_TENSORBOARD_PYTHON names a Python that has it.
TEST(TensorBoard, ItsOwnReaderFindsTheValuesOfMetrics) {
  const char* named = std::getenv("CRC_TENSORBOARD_PYTHON");
  const std::string python = named && *named ? named : "python3";
  if (std::system((python + " -c 'import tensorboard' >/dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << "no Python with TensorBoard; CRC_TENSORBOARD_PYTHON may name one";
  Events events;
  std::vector<std::string> lines;
  for (int64_t round = 0; round < 3; ++round)
    for (int64_t epoch = 1; epoch <= 20; ++epoch)
      lines.push_back(line(round, epoch, 0.01 * double(round * 20 + epoch)));
  events.write(lines);
  EventLog(events.dir.path()).follow();
  const std::string script = std::string(CRC_SOURCE_DIR) + "/tests/apps/watch/read_events.py";
  EXPECT_EQ(std::system((python + " " + script + " " + events.dir.path().string()).c_str()), 0);
}

}  // namespace
}  // namespace crc::apps::test
