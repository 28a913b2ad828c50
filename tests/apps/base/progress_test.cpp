#include "apps/base/progress.h"

#include <gmock/gmock.h>

#include <limits>

#include "tests/apps/scratch_dir.h"

namespace crc::apps::test {
namespace {

struct Screen {
  std::string text;
  double now = 0;
  ProgressOptions options(bool terminal) {
    ProgressOptions o;
    o.terminal = terminal;
    o.write = [this](const std::string& bytes) { text += bytes; };
    o.seconds = [this] { return now; };
    o.time = [] { return std::string("2026-01-02T03:04:05Z"); };
    return o;
  }
};

TEST(Progress, ATerminalGetsOneLineAtMostFiveTimesASecond) {
  Screen screen;
  {
    Progress progress(screen.options(true));
    for (int step = 0; step <= 1000; ++step, screen.now += 0.01) progress.update({"round 1/5", step, 2000, "mask 80%"});
    EXPECT_LE(std::count(screen.text.begin(), screen.text.end(), '\r'), 51);
    EXPECT_EQ(std::count(screen.text.begin(), screen.text.end(), '\n'), 0);
    EXPECT_THAT(screen.text, ::testing::HasSubstr("round 1/5 | 50.0% | 100/s | 10s left | mask 80%"));
    screen.text.clear();
    progress.line("round 1: 93.2 %");
    EXPECT_EQ(screen.text, "\r\x1b[Kround 1: 93.2 %\n");
    screen.now += 1;
    progress.update({"round 2/5", 1001, 2000, ""});
    screen.text.clear();
  }
  EXPECT_EQ(screen.text, "\r\x1b[K");  // the shell's prompt starts on a clean line
}

TEST(Progress, APipeGetsPlainLines) {
  Screen screen;
  Progress progress(screen.options(false));
  for (int step = 0; step <= 1000; ++step, screen.now += 0.1) progress.update({"round 1/5", step, 1000, "mask 80%"});
  EXPECT_EQ(std::count(screen.text.begin(), screen.text.end(), '\n'), 3);  // 100 s, one per 30
  EXPECT_THAT(screen.text, ::testing::Not(::testing::HasSubstr("\r")));
  EXPECT_THAT(screen.text, ::testing::Not(::testing::HasSubstr("\x1b")));
  EXPECT_THAT(screen.text, ::testing::StartsWith("2026-01-02T03:04:05Z round 1/5 | 30."));
}

// A sweep's work comes in pieces with minutes between them, and some of it was done by an earlier command.
TEST(Progress, TheTimeLeftDoesNotGrowBetweenPieces) {
  Screen screen;
  ProgressOptions options = screen.options(true);
  options.memory = std::numeric_limits<double>::infinity();
  Progress progress(options);
  const auto left = [&] {  // the last one shown, in seconds
    const size_t end = screen.text.rfind(" left"), begin = screen.text.rfind("| ", end) + 2;
    const std::string text = screen.text.substr(begin, end - begin);
    const size_t minutes = text.find('m');
    return minutes == text.npos ? std::stoi(text) : 60 * std::stoi(text) + std::stoi(text.substr(minutes + 1));
  };
  constexpr int kPiece = 100, kSeconds = 200, kPieces = 8;  // the first four were there
  int before = 1 << 30;
  for (int second = 0; second < kSeconds * (kPieces - 4); ++second, screen.now += 1) {
    progress.update({"trial", kPiece * (4 + second / kSeconds), kPiece * kPieces, ""});
    if (second < kSeconds) {
      EXPECT_EQ(screen.text.find(" left"), std::string::npos);  // nothing is known yet
      continue;
    }
    EXPECT_LE(left(), before) << second;
    EXPECT_NEAR(left(), kSeconds * (kPieces - 4) - second, 2);
    before = left();
  }
}

TEST(Progress, QuietStillWarnsAndLogs) {
  ScratchDir dir;
  Screen screen;
  ProgressOptions options = screen.options(true);
  options.quiet = true;
  options.log = dir / "log.txt";
  Progress progress(options);
  progress.update({"round 1/5", 1, 2, ""});
  progress.line("evaluated");
  EXPECT_EQ(screen.text, "");
  progress.warn("checkpoint damaged");
  EXPECT_EQ(screen.text, "warning: checkpoint damaged\n");
  EXPECT_EQ(read_file(dir / "log.txt"),
            "2026-01-02T03:04:05Z evaluated\n2026-01-02T03:04:05Z warning: checkpoint damaged\n");
}

TEST(Progress, ANarrowTerminalIsNeverWrapped) {
  Screen screen;
  ProgressOptions options = screen.options(true);
  options.columns = 12;
  Progress progress(options);
  progress.update({"round 1/5 epoch 3/350", 1, 2, "much more"});
  EXPECT_EQ(screen.text, "\rround 1/5 e\x1b[K");
}

TEST(Progress, Durations) {
  EXPECT_EQ(duration(0.4), "0s");
  EXPECT_EQ(duration(59.6), "1m00s");
  EXPECT_EQ(duration(3725), "1h02m");
  EXPECT_EQ(duration(90000), "1d01h");
}

}  // namespace
}  // namespace crc::apps::test
