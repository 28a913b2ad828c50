// Answers in parts, items without a class, answers that change: from outside.
#include <algorithm>
#include <map>

#include "apps/rundir/ledger.h"
#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

const std::vector<std::string> kAnimals{"cat", "dog", "cow", "pig"};

class PartialLabels : public WaitingRun {
 protected:
  void wait_for_animals() {
    wait(kAnimals, [](int64_t at) { return std::to_string(at) + ".png"; });
  }
  std::string right(int64_t item) const { return kAnimals[size_t(classes[size_t(item)])]; }
  std::string wrong(int64_t item) const { return kAnimals[size_t(classes[size_t(item)] + 1) % 4]; }
  // Rows of these places of the query; `say` instead of the right class.
  std::string rows(const std::vector<size_t>& places, const std::string& say = "") const {
    std::string text = "item,class\n";
    for (const size_t k : places) text += std::to_string(query[k]) + "," + (say.empty() ? right(query[k]) : say) + "\n";
    return text;
  }
  std::string give(const std::string& text, int code, const std::string& words, const std::string& options = "") const {
    write(folder + "/answers.csv", text);
    return expect("label " + at_ + " " + folder + "/answers.csv " + options, code, words);
  }
  std::string journal() const { return at_ + "/rounds/00/answers.jsonl"; }
  std::vector<apps::Entry> ledger() const { return apps::load_ledger(at_ + "/labels.jsonl").entries; }
  std::map<int64_t, int64_t> labels() const {
    std::map<int64_t, int64_t> all;
    for (const apps::Label& label : apps::standing(ledger()).labels) all[label.item] = label.class_index;
    return all;
  }
  void keep(const std::string& name) const { fs::copy(at_, folder + "/" + name, fs::copy_options::recursive); }
  void use(const std::string& name) {
    at_ = folder + "/again-" + name;
    fs::remove_all(at_);
    fs::copy(folder + "/" + name, at_, fs::copy_options::recursive);
  }
  std::string trained() const {
    expect("resume " + at_ + " --quiet", 0, "");
    expect("verify " + at_, 0, "");
    return apps::checksum(read(at_ + "/rounds/01/weights.safetensors"));
  }
};

TEST_F(PartialLabels, ComeInAnyOrderAndGiveTheSameBits) {
  wait_for_animals();
  keep("start");
  give(rows({0, 1, 2, 3, 4, 5}), 0, "6 labels recorded, 30 in the ledger");
  EXPECT_FALSE(fs::exists(journal())) << "a whole answer needs none";
  const std::string whole = trained(), ledger_whole = read(at_ + "/labels.jsonl");
  use("start");
  const std::string before = read(at_ + "/labels.jsonl");
  give(rows({5, 3}), 10, "4 of 6 queried items have no label in");
  EXPECT_TRUE(fs::exists(at_ + "/WAITING"));
  EXPECT_EQ(read(at_ + "/labels.jsonl"), before);
  const std::string kept = read(journal()), page = read(at_ + "/rounds/00/label.html");
  EXPECT_EQ(std::ranges::count(kept, '\n'), 2);
  for (size_t k = 0; k < 6; ++k)
    EXPECT_EQ(page.find("{\"item\":" + std::to_string(query[k]) + ",") != page.npos, k != 5 && k != 3);
  EXPECT_NE(page.find("4 of 6 images to label"), page.npos);
  expect("verify " + at_, 0, "ok           rounds/00/answers.jsonl");
  give(rows({3, 5}), 10, "4 of 6 queried items have no label in");
  EXPECT_EQ(read(journal()), kept) << "nothing twice";
  expect("resume " + at_ + " --quiet", 10, "has no label");
  give(rows({4, 0, 2}), 10, "1 of 6 queried items have no label in");
  give(rows({1}), 0, "6 labels recorded, 30 in the ledger");
  EXPECT_EQ(read(at_ + "/labels.jsonl"), ledger_whole) << "in the query's order, as if they had come at once";
  EXPECT_EQ(trained(), whole);
}

TEST_F(PartialLabels, AnItemWithoutAClassIsClosedAndNotAskedAgain) {
  wait_for_animals();
  keep("start");
  const auto said = [&](const std::string& word) { return std::to_string(query[5]) + "," + word + "\n"; };
  give(rows({0, 1, 2, 3}), 10, "2 of 6 queried items have no label in");
  keep("two_open");
  give("item,class\n" + std::to_string(query[4]) + ",Unsure\n" + said("not any of these"), 0,
       "2 items closed without a class; they are not asked again (unless --ask-again)");
  EXPECT_EQ(ledger().size(), 30u);
  EXPECT_EQ(labels().size(), 28u);
  EXPECT_EQ(ledger()[28].word, "unsure");
  EXPECT_EQ(ledger()[29].word, "none of these");
  const std::string with_words = trained();
  EXPECT_NE(read(at_ + "/rounds.csv").find("\n1,28,"), std::string::npos);
  use("two_open");
  expect("label " + at_ + " --skip-rest", 0, "4 labels recorded, 28 in the ledger");
  EXPECT_EQ(trained(), with_words) << "why there is no class changes nothing";
  use("start");  // as the page writes it
  give("item,file,class,remark\n" + std::to_string(query[0]) + ",,,none of these\n" + std::to_string(query[1]) +
           ",,,unsure\n" + std::to_string(query[2]) + ",,,hm\n" + std::to_string(query[3]) + ",,,skipped\n",
       10, "3 of 6 queried items have no label in");
  give(rows({0, 2, 4, 5}), 0, "2 items closed");
  EXPECT_EQ(labels().size(), 28u);
  EXPECT_EQ(labels()[query[0]],
            (std::map<std::string, int64_t>{{"cat", 0}, {"cow", 1}, {"dog", 2}, {"pig", 3}})[right(query[0])]);
}

TEST_F(PartialLabels, TheRunTrainsWithWhatStandsNow) {
  wait_for_animals();
  keep("start");
  give(rows({0, 1, 2, 3, 4, 5}), 0, "6 labels recorded");
  const auto truth = labels();
  const std::string whole = trained();
  use("start");
  std::string text = rows({1, 2, 3, 4, 5});
  give(rows({0}, wrong(query[0])), 10, "5 of 6");
  give(text + std::to_string(query[0]) + "," + right(query[0]) + "\n", 0, "6 labels recorded");
  EXPECT_EQ(std::ranges::count(read(journal()), '\n'), 7);
  EXPECT_NE(read(journal()).find("\"event\":\"relabel\""), std::string::npos);
  EXPECT_EQ(labels(), truth);
  // The ledger's own corrections: nothing but what is asked for, and before training begins.
  std::string other = "item,class\n", back = other;  // all of them
  for (const auto& [item, class_index] : truth) {
    other += std::to_string(item) + "," + wrong(item) + "\n";
    back += std::to_string(item) + "," + right(item) + "\n";
  }
  give(other, 64, "does not wait for labels");
  give(other, 0, "30 earlier answers corrected", "--correct");
  EXPECT_EQ(ledger().size(), 60u);
  EXPECT_NE(labels(), truth);
  keep("all_wrong");
  give(back, 0, "30 earlier answers corrected", "--correct");
  give(back, 0, "0 labels recorded, 30 in the ledger", "--correct");
  EXPECT_EQ(labels(), truth);
  EXPECT_EQ(trained(), whole) << "the same labels, the same bits";
  give(other, 64, "does not wait for labels", "--correct");
  use("all_wrong");
  EXPECT_NE(trained(), whole);
  use("start");
  give("item,class\n0,withdraw\n1,withdraw\n", 10, "6 of 6 queried items have no label", "--correct");
  EXPECT_EQ(labels().size(), 22u);
  give(rows({0, 1, 2, 3, 4, 5}), 0, "6 labels recorded, 28 in the ledger");
  EXPECT_NE(trained(), whole);
  EXPECT_NE(read(at_ + "/rounds.csv").find("0,24,"), std::string::npos) << "as round 0 was trained";
  EXPECT_NE(read(at_ + "/rounds.csv").find("\n1,28,"), std::string::npos);
}

TEST_F(PartialLabels, WhatWasSkippedIsAskedAgainOnlyIfSomebodyWantsIt) {
  wait_for_animals();
  fs::remove_all(at_);
  std::string settings = run_on(folder + "/data");
  settings.replace(settings.find("rounds=1"), 8, "rounds=2");
  expect("run demo --out " + at_ + settings, 10, "crc_train label");
  give(rows({0, 1, 2, 3}), 10, "2 of 6");
  expect("label " + at_ + " --skip-rest", 0, "4 labels recorded, 28 in the ledger");
  keep("skipped");
  const auto second = [&] {
    expect("resume " + at_ + " --quiet", 10, "has no label");
    std::vector<int64_t> items;
    const std::string text = read(at_ + "/rounds/01/query.csv");
    data::CsvReader csv(text, "query.csv");
    while (csv.next()) items.push_back(csv.number<int64_t>(0));
    return items;
  };
  for (const int64_t item : second()) EXPECT_EQ(std::ranges::count(query, item), 0);
  use("skipped");
  expect("label " + at_ + " --ask-again", 0, "2 earlier answers corrected");
  EXPECT_EQ(second().size(), 6u);
  expect("verify " + at_, 0, "");
}

TEST_F(PartialLabels, AnnotatorsWhoDisagreeAreNamedOrDecidedBetween) {
  wait_for_animals();
  const std::string item = std::to_string(query[0]);
  const std::string text =
      "item,class,who,when\n" + item + ",cat,ann,2026-01-01T10:00:00Z\n" + item + ",dog,bob,\n" + item + ",dog,eve,\n";
  give(text, 65,
       "answers.csv:3: item " + item + " is dog here by bob and cat in line 2 by ann: it stands twice; a label file");
  EXPECT_FALSE(fs::exists(journal()));
  keep("start");
  for (const auto& [how, who, class_index] :
       {std::tuple{"first", "ann", 0}, std::tuple{"last", "eve", 2}, std::tuple{"majority", "bob", 2}}) {
    use("start");
    give(text, 10, "1 item has answers that differ, decided by " + std::string(how),
         std::string("--on-disagreement ") + how);
    const std::vector<apps::Entry> kept = apps::load_ledger(journal()).entries;
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].who, who);
    EXPECT_EQ(kept[0].class_index, class_index);
    EXPECT_EQ(kept[0].when, std::string(how) == "first" ? "2026-01-01T10:00:00Z" : "");
  }
  give(text + item + ",cat,jo,\n", 65, "no answer has more votes than every other", "--on-disagreement majority");
}

TEST_F(PartialLabels, KilledAtAnyMomentNothingIsLostAndNothingStandsTwice) {
  wait_for_animals();
  keep("start");
  write(folder + "/three.csv", rows({4, 0, 2}));
  write(folder + "/rest.csv", rows({1, 3, 5}));
  const auto answer = [&] {
    expect("label " + at_ + " " + folder + "/three.csv", 10, "3 of 6");
    expect("label " + at_ + " " + folder + "/rest.csv", 0, "6 labels recorded");
  };
  answer();
  const std::string ledger_whole = read(at_ + "/labels.jsonl");
  for (const char* action : {"kill", "torn", "enospc"})
    for (const bool second : {false, true})
      for (int k = 1; k <= 30; k += second ? 2 : 3) {
        use("start");
        const std::string three = "label " + at_ + " " + folder + "/three.csv",
                          rest = "label " + at_ + " " + folder + "/rest.csv";
        if (second) expect(three, 10, "3 of 6");
        const std::string fault = "CRC_FAULT=any:" + std::to_string(k) + ":" + action + " exec " + kTrain + " ";
        const Outcome first = shell(fault + (second ? rest : three));
        if (!second) expect(three, 10, "3 of 6");
        const Outcome again = run(rest);  // 64 where the killed one had come to its end
        EXPECT_TRUE(again.code == 0 || (second && again.code == 64)) << action << " " << k << "\n" << again.words;
        EXPECT_EQ(read(at_ + "/labels.jsonl"), ledger_whole) << action << " at call " << k << "\n" << first.words;
      }
  expect("resume " + at_ + " --quiet", 0, "");
}

TEST_F(PartialLabels, DamageOfTheJournalIsNoticed) {
  wait_for_animals();
  give(rows({0, 1}), 10, "4 of 6");
  const std::string good = read(journal());
  for (size_t at = 0; at + 1 < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = char(bad[at] ^ 1);
    write(journal(), bad);
    give(rows({2}), 65, "answers.jsonl");
    expect("verify " + at_, 65, "answers.jsonl");
  }
  write(journal(), good);
  give(rows({2, 3, 4, 5}), 0, "6 labels recorded");
}

TEST_F(PartialLabels, ALabelMustBeLeft) {
  wait_for_animals();
  std::string all = rows({0, 1, 2, 3, 4, 5}, "unsure");
  for (int item = 0; item < 24; ++item) all += std::to_string(item) + ",withdraw\n";
  const std::string before = read(at_ + "/labels.jsonl");
  give(all, 65, "no item would have a label", "--correct");
  EXPECT_EQ(read(at_ + "/labels.jsonl"), before);
  give(rows({0, 1, 2, 3, 4, 5}, "unsure"), 0, "0 labels recorded, 24 in the ledger");
  expect("resume " + at_ + " --quiet", 0, "");
}

}  // namespace
}  // namespace crc::test
