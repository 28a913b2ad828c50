// crc_select from outside: the passes, head and labels of a model.
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

class SelectByModel : public SelectFixture {
 protected:
  SelectByModel() {
    for (int64_t i = 0; i < 3 * kItems * kClasses; ++i)
      passes.push_back(float(Draws(3, Purpose::test, i, 0).below(256)) / 32);
    write<float>("s.npy", passes, {3, kItems, kClasses});
    write<float>("w.npy", std::vector<float>(features.begin(), features.begin() + kClasses * kWidth),
                 {kClasses, kWidth});
    write<float>("b.npy", {0.5f, 0, 0.25f, -1}, {kClasses});
    std::vector<int64_t> classes(size_t(kItems), -1);
    classes[3] = 0, classes[1] = 2, classes[40] = 3;
    write<int64_t>("c.npy", classes, {kItems});
  }
  std::vector<float> passes;
  const std::string all =
      "--features h.npy --logits p.npy --samples s.npy --head w.npy --bias b.npy --labels c.npy --labeled l.npy "
      "--budget 5 ";
};

TEST_F(SelectByModel, EveryAcquisitionPicksAndSaysWhatItMisses) {
  const std::string base = "--features h.npy --logits p.npy --labeled l.npy --budget 5 --out x.csv --acquisition ";
  for (const auto& [name, option] : {std::pair{"bald", "--samples"},
                                     {"batchbald", "--samples"},
                                     {"dropquery", "--samples"},
                                     {"galaxy", "--labels"},
                                     {"dcom", "--labels"},
                                     {"alfamix", "--head"}}) {
    selected(all + "--acquisition " + name);
    EXPECT_EQ(picks("selected.csv").size(), 5u) << name;
    expect(base + name, 78, std::string(": give ") + option);
  }
  selected("--samples s.npy --budget 5 --acquisition bald");  // nothing else
  EXPECT_EQ(picks("selected.csv").size(), 5u);
  selected("--features h.npy --classes 4 --budget 5 --acquisition dcom");  // nothing is labelled yet
  EXPECT_EQ(picks("selected.csv").size(), 5u);
  expect(all + "--force --out x.csv --acquisition margin", 0,
         "note: --samples has no effect with --acquisition margin");
}

TEST_F(SelectByModel, TypesDoNotMatter) {
  const std::string bald = "--labeled l.npy --budget 5 --acquisition bald --samples ";
  const std::string csv = selected(bald + "s.npy");
  write<double>("s64.npy", std::vector<double>(passes.begin(), passes.end()), {3, kItems, kClasses});
  EXPECT_EQ(selected(bald + "s64.npy"), csv);
  write_raw<float>("sf.npy", "'<f4'", "True", "(3, 60, 4)", passes);
  expect(bald + "sf.npy --out x.csv", 65, "save it in C order");
}

TEST_F(SelectByModel, LabelsComeInThreeForms) {
  const std::string galaxy = "--logits p.npy --labeled l.npy --budget 5 --acquisition galaxy --labels ";
  const std::string csv = selected(galaxy + "c.npy");
  write_text("c.csv", "item,class\n1,2\n40,3\n3,0\n");
  EXPECT_EQ(selected(galaxy + "c.csv"), csv);
  write_text("named.csv", "class_index,item,class\n2,1,cat\n3,40,dog\n0,3,ape\n");
  EXPECT_EQ(selected(galaxy + "named.csv"), csv);
  write_text("label.csv", "item,label\n1,2\n40,3\n3,0\n");
  EXPECT_EQ(selected(galaxy + "label.csv"), csv);
  write_text("short.csv", "item,class\n1,2\n40,3\n");
  expect(galaxy + "short.csv --out x.csv", 65, "item 3 is labelled, and short.csv says no class of it");
  write_text("word.csv", "item,class\n1,cat\n");
  expect(galaxy + "word.csv --out x.csv", 65, "class \"cat\" is not a number");
  write_text("twice.csv", "item,class\n1,2\n1,2\n");
  expect(galaxy + "twice.csv --out x.csv", 65, "twice.csv: line 3: item 1 is there twice");
  write_text("far.csv", "item,class\n60,2\n");
  expect(galaxy + "far.csv --out x.csv", 65, "item 60 is not in 0..59");
  write<int64_t>("few.npy", {1, 2}, {2});
  expect(galaxy + "few.npy --out x.csv", 65, "labels are integers [60]");
  write_text("big.csv", "item,class\n1,2\n40,9\n3,0\n");
  expect(galaxy + "big.csv --out x.csv", 78, "item 40 has label 9; classes are 0 to 3");
}

TEST_F(SelectByModel, LabelsOfNoLabelledItemsAreNoted) {
  expect("--logits p.npy --budget 5 --acquisition galaxy --labels c.npy --out x.csv", 0,
         "note: --labels has no effect without --labeled: no item counts as labelled, and those with a class may be");
}

TEST_F(SelectByModel, ShapesAreComparedBeforeAnythingIsScored) {
  write<float>("s1.npy", std::vector<float>(2 * 7 * kClasses), {2, 7, kClasses});
  expect("--logits p.npy --samples s1.npy --budget 2 --acquisition bald --out x.csv", 65,
         "s1.npy has 7 items and p.npy has 60");
  write<float>("s2.npy", std::vector<float>(2 * kItems * 5), {2, kItems, 5});
  expect("--logits p.npy --samples s2.npy --budget 2 --acquisition bald --out x.csv", 65,
         "s2.npy has 5 classes and p.npy has 4");
  expect("--samples p.npy --budget 2 --acquisition bald --out x.csv", 65, "samples are floats [passes,items,classes]");
  write<float>("w1.npy", std::vector<float>(kClasses * 3), {kClasses, 3});
  expect("--features h.npy --head w1.npy --budget 2 --acquisition alfamix --out x.csv", 65,
         "w1.npy has 3 features and h.npy has 7");
  write<float>("b1.npy", {1, 2}, {2});
  expect("--features h.npy --head w.npy --bias b1.npy --budget 2 --acquisition alfamix --out x.csv", 65,
         "b1.npy holds 2 biases and w.npy is a head of 4 classes");
  expect("--features h.npy --bias b.npy --budget 2 --acquisition alfamix --out x.csv", 64, "give --head too");
  EXPECT_FALSE(exists("x.csv"));
}

}  // namespace
}  // namespace crc::test
