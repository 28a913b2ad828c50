// Words on the command line that no program knows, and numbers out of range: what may have been meant, what is allowed.
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

class CliWords : public Outside {
 protected:
  void refuses(const std::string& command, const std::string& words) const {
    const Outcome o = shell("exec " CRC_BINARY_DIR "/" + command);
    EXPECT_EQ(o.code, 64) << command << "\n" << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << command << "\n" << o.words;
    EXPECT_LT(o.words.size(), 300u) << command << "\n" << o.words;
  }
};

TEST_F(CliWords, ACommandThatDoesNotExist) {
  refuses("crc_train runn cifar10 --set data.dir=x",
          "there is no command runn; did you mean run?; see crc_train --help");
  refuses("crc_train reusme runs/a", "there is no command reusme; did you mean resume?");
  refuses("crc_train data mkae x", "there is no command mkae; did you mean make?; see crc_train data --help");
  refuses("crc_train something", "there is no command something; see crc_train --help");
  refuses("crc_train", "A subcommand is required");
}

TEST_F(CliWords, AnOptionThatDoesNotExist) {
  refuses("crc_select --thread 3 --features h.npy --budget 5 --out o.csv",
          "not expected: --thread; did you mean --threads");
  refuses("crc_select --feature=h.npy --budget 5", "not expected: --feature; did you mean --features");
  refuses("crc_train run demo --dryrun", "not expected: --dryrun; did you mean --dry-run?; see crc_train run --help");
  refuses("crc_train eval --weight w.safetensors", "not expected: --weight; did you mean --weights?");
  refuses("crc_train run --bogus", "The following argument was not expected: --bogus; see crc_train run --help");
  refuses("crc_train resume a b", "not expected: b; see crc_train resume --help");
  EXPECT_EQ(run("run \"$(printf -- '--\\033[31mx')\"").words.find('\x1b'), std::string::npos);
}

TEST_F(CliWords, ANumberOutOfRange) {
  const std::string select = "crc_select --features h.npy --budget 5 --out o.csv ";
  refuses(select + "--threads -3", "--threads: -3 is not a whole number from 0 to 4096; see crc_select --help");
  refuses(select + "--threads 1000000", "--threads: 1000000 is not a whole number from 0 to 4096");
  refuses(select + "--threads 2.5", "--threads: 2.5 is not a whole number");
  refuses(select + "--classes 0", "--classes: 0 is not a whole number from 1 to 1000000000000");
  refuses(select + "--draws 9e18", "--draws: 9e18 is not a whole number from 1");
  refuses(select + "--group -1", "--group: -1 is not a whole number from 1");
  refuses(select + "--seed -1", "--seed: -1 is not a whole number from 0 to 4294967295");
  refuses(select + "--round 99999999999999999999", "is not a whole number from 0 to 100000");
  refuses("crc_select --features h.npy --out o.csv --budget five", "--budget: five is not a whole number");
  refuses("crc_train eval --weights w --limit -1", "--limit: -1 is not a whole number from 0");
  refuses("crc_train demo --seeds 0", "--seeds: 0 is not a whole number from 1 to 1000");
  refuses("crc_train demo --jobs -3", "--jobs: -3 is not a whole number from 0 to 4096");
  refuses("crc_train sweep table6 --out s --together 1000", "--together: 1000 is not a whole number from 1 to 256");
  refuses("crc_train rank-barrier --out b.png --labeled 20,x", "--labeled: x is not a whole number from 1 to 20000");
  if (fs::exists(CRC_BINARY_DIR "/crc_bench"))
    refuses("crc_bench --min-time nan", "--min-time: nan is not a number from 0 to 3600");
}

}  // namespace
}  // namespace crc::test
