#include "apps/base/signals.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <new>
#include <thread>

#include "apps/base/program.h"
#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"

namespace crc::apps::test {
namespace {

TEST(Signals, TheFirstAsksTheSecondEnds) {
  for (int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    const Ending ending = in_child("", [&] {
      install_signal_handlers("test");
      const FinishFirst finish_first;
      if (stop_requested()) fail_internal("asked too early");
      raise(number);
      if (!stop_requested() || stop_signal_name().rfind("SIG", 0) != 0) fail_internal("not noticed");
      raise(SIGTERM);  // comes with the first, and does not count
      std::this_thread::sleep_for(std::chrono::nanoseconds(kSameWishNanoseconds + 100'000'000));
      raise(SIGTERM);
      fail_internal("survived the second");
    });
    EXPECT_FALSE(ending.killed);
    EXPECT_EQ(ending.code, 128 + SIGTERM);
  }
}

TEST(Signals, EndAtOnceUnlessSomethingMustBeFinished) {
  const ScratchDir scratch;
  const std::filesystem::path marker = scratch.path() / "PREEMPTED";
  const Ending noted = in_child("", [&] {
    install_signal_handlers("test");
    const StopNote note(marker, "continue with: this");
    raise(SIGUSR1);
    fail_internal("went on");
  });
  EXPECT_EQ(noted.code, 75);
  EXPECT_EQ(read_file(marker), "stopped by SIGUSR1\n");
  const Ending finished = in_child("", [&] {
    install_signal_handlers("test");
    {
      const FinishFirst outer;
      {
        const FinishFirst inner;
        raise(SIGTERM);
      }
      stop_if_asked();  // the outer one lives
      if (!stop_requested()) fail_internal("forgot");
    }
    stop_with(73);
    stop_if_asked();
    fail_internal("went on");
  });
  EXPECT_EQ(finished.code, 73);
}

TEST(Errors, EveryWayOutIsAnExitCodeAndAMessage) {
  auto run = [](const std::function<int()>& body) {
    ::testing::internal::CaptureStderr();
    const int code = guarded_main("crc_train", body);
    return std::pair(code, ::testing::internal::GetCapturedStderr());
  };
  EXPECT_EQ(run([] { return 10; }), std::pair(10, std::string()));
  EXPECT_EQ(run([]() -> int { fail(ExitCode::config, "a.toml:3: no"); }),
            std::pair(78, std::string("crc_train: error: a.toml:3: no\n")));
  EXPECT_EQ(run([]() -> int { throw std::bad_alloc(); }).first, 71);
  EXPECT_EQ(run([]() -> int { throw std::runtime_error("odd"); }).first, 70);
  EXPECT_THAT(run([]() -> int { throw std::runtime_error("odd"); }).second, ::testing::HasSubstr("odd"));
  EXPECT_EQ(run([]() -> int { throw 1; }).first, 70);
}

}  // namespace
}  // namespace crc::apps::test
