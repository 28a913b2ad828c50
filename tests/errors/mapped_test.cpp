// Arrays that change while they are read where they stand.
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

class Mapped : public SelectFixture {
 protected:
  Mapped() {
    std::vector<float> large;
    for (int64_t i = 0; i < 8000 * 32; ++i) large.push_back(Draws(7, Purpose::test, i, 0).uniform(-1, 1));
    write<float>("large.npy", large, {8000, 32});
  }
  // Does something to large.npy while a search reads it that lasts seconds, so that a busy machine still comes to it.
  Outcome meanwhile(const std::string& what, const std::string& budget) const {
    return shell(
        "cd " + folder + "; rm -f words; " +
        program("--features large.npy --labeled l.npy --budget " + budget + " --search greedy --group 1 --out p.csv") +
        " 2> words & pid=$!; until grep -q 'greedy: 10 items' words 2> /dev/null; do sleep 0.02; done; " + what +
        "; wait $pid; code=$?; cat words; exit $code");
  }
};

TEST_F(Mapped, AFileThatBecomesShorterEndsTheProgramWithWords) {
  const Outcome o = meanwhile("truncate -s 5000 large.npy", "400");
  EXPECT_EQ(o.code, 74) << o.words;
  EXPECT_NE(o.words.find("crc_select: error: large.npy: can no longer be read: it became shorter"), std::string::npos)
      << o.words;
  EXPECT_FALSE(exists("p.csv"));
}

TEST_F(Mapped, AFileThatIsWrittenAnewGivesNoPicks) {
  for (const std::string change : {"printf x | dd of=large.npy bs=1 seek=100000 conv=notrunc 2> /dev/null",
                                   "cp large.npy other.npy; mv other.npy large.npy"}) {
    const Outcome o = meanwhile(change, "300");
    EXPECT_EQ(o.code, 65) << o.words;
    EXPECT_NE(o.words.find("large.npy: was changed while it was read"), std::string::npos) << o.words;
    EXPECT_FALSE(exists("p.csv"));
  }
}

TEST_F(Mapped, APipeIsNotWaitedFor) {
  ASSERT_EQ(shell("mkfifo " + folder + "/fifo.npy").code, 0);
  expect("--features fifo.npy --labeled l.npy --budget 3 --group 1 --out p.csv", 66, "fifo.npy: is a pipe");
}

}  // namespace
}  // namespace crc::test
