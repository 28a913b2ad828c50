// Every registered acquisition in a run of crc_train from outside, and in its list.
#include <algorithm>

#include "crc/acquisition.h"
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kAcquisitionRun =
    " --set run.device=cpu --set data.train_size=150 --set data.test_size=20 --set model.base_channels=2 --set "
    "model.width=1 --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set acquisition.rounds=1 ";

using AcquisitionsOfRuns = Outside;

TEST_F(AcquisitionsOfRuns, EveryOneQueriesAndTrainsOn) {
  for (const select::Acquisition& a : select::acquisitions()) {
    const std::string out = folder + "/" + a.name;
    const Outcome o =
        run(std::string("run demo --quiet") + kAcquisitionRun + "--set acquisition.name=" + a.name + " --out " + out);
    EXPECT_EQ(o.code, 0) << a.name << "\n" << o.words;
    std::ifstream labels(out + "/labels.jsonl");
    EXPECT_EQ(std::count(std::istreambuf_iterator<char>(labels), {}, '\n'), 20) << a.name;
  }
}

TEST_F(AcquisitionsOfRuns, AreListedWithTheirSource) {
  const Outcome o = run("list");
  for (const select::Acquisition& a : select::acquisitions()) {
    EXPECT_NE(o.words.find(std::string("  ") + a.name + " "), std::string::npos) << a.name;
    EXPECT_NE(o.words.find(std::string(a.description) + "  [" + a.source + "]"), std::string::npos) << a.name;
  }
}

TEST_F(AcquisitionsOfRuns, JacobiansThatDoNotFitAreRefusedWithThePlan) {
  const Outcome o = run("run demo --quiet" + kAcquisitionRun +
                        "--set acquisition.name=crc_full --set acquisition.memory_gb=0.01 --out " + folder + "/a");
  EXPECT_EQ(o.code, 71) << o.words;
  EXPECT_NE(o.words.find("Allow more (acquisition.memory_gb)"), std::string::npos) << o.words;
  const Outcome layers = run("run demo --quiet" + kAcquisitionRun +
                             "--set acquisition.name=crc_layers --set acquisition.layers=head --out " + folder + "/b");
  EXPECT_EQ(layers.code, 78) << layers.words;
  EXPECT_NE(layers.words.find("the network has no layer \"head\"; it has fc, bn1, block3"), std::string::npos)
      << layers.words;
}

TEST_F(AcquisitionsOfRuns, TheRankBarrierIsPlotted) {
  const std::string plot = folder + "/barrier.png", options = "rank-barrier --device cpu --labeled 10,130 --groups 10 ";
  const Outcome o = run(options + "--out " + plot);
  EXPECT_EQ(o.code, 0) << o.words;
  EXPECT_NE(o.words.find("rank 129, groups of 5"), std::string::npos) << o.words;
  std::ifstream file(plot, std::ios::binary);
  std::string magic(8, ' ');
  file.read(magic.data(), 8);
  EXPECT_EQ(magic, "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(run(options + "--out " + plot).code, 73);
  EXPECT_EQ(run(options + "--force --out " + plot).code, 0);
  EXPECT_EQ(run(options + "--out " + folder + "/barrier.jpg").code, 64);
  EXPECT_EQ(run("rank-barrier --device cpu --labeled 2996 --out " + folder + "/b.svg").code, 78);
}

}  // namespace
}  // namespace crc::test
