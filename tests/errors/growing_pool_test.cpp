// Pools that grow: images are added, labels given, corrected and withdrawn between rounds; what else changes is named.
#include <algorithm>
#include <map>

#include "apps/rundir/ledger.h"
#include "data/npy.h"
#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

using apps::LedgerEvent;

const std::vector<std::string> kPets{"cat", "dog", "cow", "pig"};

class GrowingPool : public WaitingRun {
 protected:
  void wait_for_pets() {
    wait(kPets, [](int64_t at) { return "b" + std::to_string(100 + at) + ".png"; });
  }
  std::string file(int64_t item) const { return "b" + std::to_string(100 + item) + ".png"; }
  std::string list() const { return folder + "/data/labels.csv"; }
  // One row of labels.csv another; empty: it goes.
  void set_row(const std::string& name, const std::string& row) const {
    std::istringstream lines(read(list()));
    std::string text;
    bool there = false;
    for (std::string line; std::getline(lines, line);) {
      const bool is = line.starts_with(name + ",");
      there |= is;
      if (!is) text += line + "\n";
      if (is && !row.empty()) text += row + "\n";
    }
    if (!there) text += row + "\n";
    write(list(), text);
  }
  void answer(int code = 0) const {
    std::string text = "item,class\n";
    for (const int64_t item : query) text += std::to_string(item) + "," + kPets[size_t(classes[size_t(item)])] + "\n";
    write(folder + "/answers.csv", text);
    expect("label " + at_ + " " + folder + "/answers.csv", code, code == 0 ? "6 labels recorded" : "");
  }
  std::vector<apps::Entry> ledger() const { return apps::load_ledger(at_ + "/labels.jsonl").entries; }
  std::map<int64_t, int64_t> labels() const {
    std::map<int64_t, int64_t> all;
    for (const apps::Label& label : apps::standing(ledger()).labels) all[label.item] = label.class_index;
    return all;
  }
  int64_t events(LedgerEvent event) const {
    const auto all = ledger();
    return std::ranges::count(all, event, &apps::Entry::event);
  }
  int64_t index_of(const std::string& name) const {
    return std::map<std::string, int64_t>{{"cat", 0}, {"cow", 1}, {"dog", 2}, {"pig", 3}}.at(name);
  }
};

// In the list between the others, so that all that come after it lie elsewhere; with a label, and without one.
TEST_F(GrowingPool, ImagesAreAddedAndItemsStayWhatTheyAre) {
  wait_for_pets();
  const std::string asked = read(at_ + "/rounds/00/query.csv");
  png(folder + "/data/a-first.png", 5);
  png(folder + "/data/b100a.png", 6);
  std::string text = read(list());
  const std::string heading = "path,label,split\n";
  text.replace(0, heading.size(), heading + "a-first.png,cow,train\nb100a.png,,train\n");
  write(list(), text);
  expect("resume " + at_ + " --quiet", 10, "has no label");
  EXPECT_EQ(read(at_ + "/rounds/00/query.csv"), asked) << "the query that was asked stays";
  EXPECT_EQ(events(LedgerEvent::grow), 0);
  answer();
  expect("resume " + at_, 0, "from round 1 on the pool has 38 items: 2 new items, 1 label given");
  EXPECT_EQ(events(LedgerEvent::grow), 1);
  EXPECT_EQ(events(LedgerEvent::give), 1);
  const auto all = labels();
  EXPECT_EQ(all.size(), 31u);
  EXPECT_EQ(all.at(36), index_of("cow")) << "the new ones have the numbers after the old ones";
  for (const int64_t item : query) EXPECT_EQ(all.at(item), index_of(kPets[size_t(classes[size_t(item)])]));
  EXPECT_NE(read(at_ + "/pool/001.csv").find("train,a-first.png,"), std::string::npos);
  EXPECT_NE(read(at_ + "/rounds.csv").find("\n1,31,"), std::string::npos) << read(at_ + "/rounds.csv");
  expect("verify " + at_, 0, "pool/001.csv");
  expect("eval --run " + at_, 0, "accuracy");
  expect("eval --run " + at_ + " --split train", 0, "without a label    7");
}

TEST_F(GrowingPool, LabelsAreGivenCorrectedAndWithdrawn) {
  wait_for_pets();
  const auto before = labels();
  int64_t unasked = 24;  // of the twelve without a label one that the query left out
  while (std::ranges::count(query, unasked)) ++unasked;
  const std::string other = kPets[size_t(classes[3] + 1) % 4];
  set_row(file(unasked), file(unasked) + ",pig,train");
  set_row(file(3), file(3) + "," + other + ",train");
  set_row(file(4), file(4) + ",,train");
  answer();
  expect("resume " + at_, 0, "the pool has 36 items: 1 label given, 1 label corrected, 1 label withdrawn");
  const auto all = labels();
  EXPECT_EQ(all.at(unasked), index_of("pig"));
  EXPECT_EQ(all.at(3), index_of(other));
  EXPECT_FALSE(all.contains(4));
  EXPECT_EQ(all.size(), before.size() + 6 + 1 - 1);
  EXPECT_EQ(events(LedgerEvent::relabel), 1);
  EXPECT_EQ(events(LedgerEvent::withdraw), 1);
  const auto entries = ledger();
  EXPECT_EQ(entries.back().source, "data set");
  EXPECT_EQ(entries.back().round, 1);
  expect("verify " + at_, 0, "");
}

TEST_F(GrowingPool, WhatVanishedOrChangedIsNamed) {
  wait_for_pets();
  const std::string data = folder + "/data/";
  const auto refused = [&](const std::string& words) {
    for (const std::string command : {"resume ", "label "})
      expect(command + at_ + (command == "label " ? " " + list() : "") + " --set run.device=cpu", 65, words);
    EXPECT_TRUE(fs::exists(at_ + "/WAITING"));
  };
  write(folder + "/answers.csv", "item,class\n");
  const std::string kept = read(data + file(7));
  png(data + file(7), 99);
  refused(file(7) + " has other content than when this run took it in");
  write(data + file(7), kept);
  const std::string rows = read(list());
  set_row(file(9), "");
  set_row(file(8), "");
  refused(file(8) + ", " + data + file(9) + " are gone or can no longer be read");
  write(list(), rows);
  set_row(file(40), file(40) + ",cat,test");
  set_row(file(41), file(41) + ",cow,test");
  refused("by which all rounds are measured");
  write(list(), rows);
  png(data + "z.png", 20);
  set_row("z.png", "z.png,cat,test");
  refused("z.png was no test image when this run began");
  write(list(), rows);
  set_row("z.png", "z.png,horse,train");
  refused("the classes are cat, cow, dog, horse, pig, and were cat, cow, dog, pig");
  write(list(), rows);
  expect("resume " + at_ + " --quiet", 10, "has no label");
  fs::rename(folder + "/data", folder + "/moved");
  expect("resume " + at_, 66, "--set data.dir=DIR");
  expect("resume " + at_ + " --quiet --set data.dir=" + folder + "/moved", 10, "has no label");
}

// A run that is killed at any moment of its growth goes on to the same ledger.
TEST_F(GrowingPool, AGrowthThatWasTornIsCompleted) {
  wait_for_pets();
  png(folder + "/data/new.png", 6);
  set_row("new.png", "new.png,dog,train");
  set_row(file(2), file(2) + ",,train");
  answer();
  fs::copy(at_, folder + "/copy", fs::copy_options::recursive);
  expect("resume " + at_ + " --quiet", 0, "");
  const std::string whole = read(at_ + "/labels.jsonl"), weights = read(at_ + "/rounds/01/weights.safetensors");
  const auto entries = ledger();
  ASSERT_EQ(entries[30].event, LedgerEvent::grow);
  // As it is while the growth is in the ledger, and the first epoch of the round is not.
  size_t at = 0;
  std::vector<size_t> ends;
  while ((at = whole.find('\n', at)) != std::string::npos) ends.push_back(++at);
  for (const size_t lines : {31u, 32u, 33u}) {
    const std::string run = folder + "/torn" + std::to_string(lines);
    fs::copy(folder + "/copy", run, fs::copy_options::recursive);
    fs::create_directories(run + "/pool");
    fs::copy(at_ + "/pool/001.csv", run + "/pool/001.csv", fs::copy_options::overwrite_existing);
    write(run + "/labels.jsonl", whole.substr(0, ends[lines - 1]) + (lines < 33 ? "{\"seq\":9" : ""));
    expect("resume " + run + " --quiet", 0, "");
    EXPECT_EQ(read(run + "/labels.jsonl"), whole) << lines;
    EXPECT_EQ(read(run + "/rounds/01/weights.safetensors"), weights) << lines;
  }
  // The list alone was written, and the folder changed again before the run went on.
  const std::string run = folder + "/list";
  fs::copy(folder + "/copy", run, fs::copy_options::recursive);
  write(run + "/pool/001.csv", "split,file,content,label\n");
  expect("resume " + run + " --quiet", 0, "");
  EXPECT_EQ(read(run + "/labels.jsonl"), whole);
}

// A round that began ends with the pool that it began with, to the same bits.
TEST_F(GrowingPool, ARoundThatBeganKeepsItsPool) {
  wait_for_pets();
  answer();
  fs::copy(at_, folder + "/plain", fs::copy_options::recursive);
  expect("resume " + folder + "/plain --quiet", 0, "");
  fs::copy(folder + "/plain", folder + "/stopped", fs::copy_options::recursive);
  fs::remove(folder + "/stopped/DONE");  // in its last round
  png(folder + "/data/new.png", 6);
  set_row("new.png", "new.png,dog,train");
  expect("resume " + folder + "/stopped", 0, "no later round trains on it");
  for (const char* name : {"/labels.jsonl", "/rounds.csv", "/rounds/01/weights.safetensors"})
    EXPECT_EQ(read(folder + "/stopped" + name), read(folder + "/plain" + name)) << name;
}

TEST_F(GrowingPool, RowsOfEmbeddingsAreAppended) {
  const auto rows = [&](int64_t count, int64_t known) {
    std::vector<float> values;
    std::vector<int64_t> of;
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t d = 0; d < 8; ++d) values.push_back(float(i % 3 == d) * 4 + float((i * 7 + d * 3) % 11) / 11);
      of.push_back(i < known ? i % 3 : -1);
    }
    write_file(folder + "/rows/train.npy", data::encode_npy<float>(values, std::vector<int64_t>{count, 8}));
    write_file(folder + "/rows/train_labels.npy", data::encode_npy<int64_t>(of, std::vector<int64_t>{count}));
  };
  at_ = folder + "/run";
  rows(40, 12);
  expect("run embeddings --set data.dir=" + folder + "/rows --set data.classes=3 --out " + at_ +
             " --set acquisition.first=given --set acquisition.budget=4 --set acquisition.group_size=1"
             " --set acquisition.rounds=2 --set acquisition.name=random --set ssl.epochs=1 --set ssl.steps_per_epoch=2"
             " --set ssl.batch=4 --set ssl.mu=1 --set run.device=cpu --quiet",
         10, "crc_train label");
  const auto answer_all = [&](const std::string& round) {
    data::CsvReader csv(read(at_ + "/rounds/" + round + "/query.csv"), "query.csv");
    std::string text = "item,class\n";
    while (csv.next()) text += csv[0] + "," + std::to_string(csv.number<int64_t>(0) % 3) + "\n";
    write(folder + "/answers.csv", text);
    expect("label " + at_ + " " + folder + "/answers.csv", 0, "4 labels recorded");
  };
  answer_all("00");
  rows(50, 12);
  expect("resume " + at_ + " --quiet", 10, "crc_train label");
  EXPECT_EQ(events(LedgerEvent::grow), 1);
  EXPECT_EQ(ledger().back().items, 50);
  answer_all("01");
  expect("resume " + at_ + " --quiet", 0, "");
  rows(49, 12);
  fs::remove(at_ + "/DONE");
  expect("resume " + at_ + " --quiet", 65, "item 49 of ");
}

}  // namespace
}  // namespace crc::test
