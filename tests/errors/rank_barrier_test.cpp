// crc_train rank-barrier from outside.
#include <cmath>

#include "data/npy.h"
#include "data/png.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

class RankBarrierCommand : public Outside {
 protected:
  static constexpr const char* kShort = " --device cpu --labeled 20,8 --groups 10";
  std::string to(const std::string& name) const { return kShort + (" --out " + folder + "/") + name; }
  // [40,3] of different small numbers, one of them `odd`.
  std::string features(const std::string& name, float odd = 0) const {
    std::vector<float> values;
    for (int i = 0; i < 120; ++i) values.push_back(float(i * i % 31) / 8);
    values[37 * 3] = odd;
    write_file(folder + "/" + name, data::encode_npy<float>(values, std::vector<int64_t>{40, 3}));
    return "rank-barrier --features " + folder + "/" + name;
  }
};

TEST_F(RankBarrierCommand, PlotsAndPrints) {
  const std::string words = expect("rank-barrier" + to("a.png"), 0, "rank 129, groups of 5");
  EXPECT_LT(words.find("   8     13"), words.find("  20     25")) << words;
  EXPECT_GT(data::read_png(folder + "/a.png").width, 700);
  EXPECT_EQ(expect("rank-barrier" + to("a.png") + " --force", 0, "wrote"), words) << "the same numbers again";
  expect("rank-barrier" + to("a.svg"), 0, "wrote");
  EXPECT_NE(read(folder + "/a.svg").find("rank 129</text>"), std::string::npos);
  expect(features("h.npy") + to("h.png"), 0, "rank 4, groups of 5");
}

TEST_F(RankBarrierCommand, ReplacesNothingUnasked) {
  std::ofstream(folder + "/mine.png") << "mine";
  expect("rank-barrier" + to("mine.png"), 73, "give --force to replace it");
  EXPECT_EQ(read(folder + "/mine.png"), "mine");
  expect("rank-barrier" + to("none/a.png"), 73, "create it first");
}

TEST_F(RankBarrierCommand, SaysWhatIsWrong) {
  expect("rank-barrier", 64, "--out is required");
  expect("rank-barrier" + to("a.pdf"), 64, "the plot is a .png or .svg file");
  expect("rank-barrier --group 0" + to("a.png"), 64, "--group");
  expect("rank-barrier --out a.png --groups 2", 64, "--groups");
  expect("rank-barrier --out a.png --labeled 5,x", 64, "--labeled");
  expect("rank-barrier --features " + folder + "/none.npy" + to("a.png"), 66, "none.npy");
  std::ofstream(folder + "/text.npy") << "not an array";
  expect("rank-barrier --features " + folder + "/text.npy" + to("a.png"), 65, "text.npy");
  write_file(folder + "/whole.npy",
             data::encode_npy<int64_t>(std::vector<int64_t>(80, 1), std::vector<int64_t>{40, 2}));
  expect("rank-barrier --features " + folder + "/whole.npy" + to("a.png"), 65, "floats [items,columns]");
  expect(features("nan.npy", NAN) + to("a.png"), 76, "37");
  expect(features("few.npy") + " --device cpu --labeled 36 --out " + folder + "/a.png", 78, "40 items are too few");
  expect("rank-barrier --features " + folder + "/few.npy --group 30" + to("a.png"), 78, "a group of 30");
  EXPECT_FALSE(fs::exists(folder + "/a.png"));
}

}  // namespace
}  // namespace crc::test
