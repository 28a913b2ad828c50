// A person's labels from outside: a class is its name, and nothing in a label file is ignored without a word.
#include <algorithm>
#include <functional>

#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

const std::vector<std::string> kPadded{"01", "02", "03", "04"};

class Labels : public WaitingRun {
 protected:
  void wait_for(const std::vector<std::string>& names) {
    wait(names, [](int64_t at) { return std::to_string(at) + ".png"; });
  }
  // One row for each queried item: of its class, `columns` says how.
  std::string answers(const std::string& heading,
                      const std::function<std::string(int64_t item, int64_t class_index)>& row) {
    std::string text = heading + "\n";
    for (int64_t item : query) text += row(item, classes[size_t(item)]) + "\n";
    return text;
  }
};

TEST_F(Labels, NamesThatAreNumbersAreNames) {
  wait_for(kPadded);
  // What a spreadsheet makes of 01 ... 04: no class, and never the index 1 ... 4.
  label(
      answers("item,class",
              [](auto item, auto class_index) { return std::to_string(item) + "," + std::to_string(class_index + 1); }),
      65, "is not one of 01, 02, 03, 04; did you mean 0");
  label(
      "item,class\n" + std::to_string(query[0]) + ",1\n", 65,
      "answers.csv:2: class \"1\" is not one of 01, 02, 03, 04; did you mean 01 or 02 or 03?; numbers of classes stand "
      "in a column class_index; a label file has columns item and class");
  const std::string said = label(
      answers("item,class",
              [](auto item, auto class_index) { return std::to_string(item) + "," + kPadded[size_t(class_index)]; }),
      0, "6 labels recorded, 30 in the ledger");
  EXPECT_EQ(recorded(), truth());
  for (int64_t c = 0; c < 4; ++c)
    EXPECT_EQ(said.find("  " + kPadded[size_t(c)] + " ") != said.npos, std::ranges::count(truth(), c) > 0) << said;
  expect("resume " + at_ + " --quiet", 0, "");
}

// One column of a spreadsheet sorted or pasted alone: every item gets another one's class.
TEST_F(Labels, TheFileMustBeTheItems) {
  wait_for(kPadded);
  const auto row = [&](int64_t item, int64_t class_index, const std::string& file) {
    return std::to_string(item) + "," + file + "," + kPadded[size_t(class_index)];
  };
  const std::string other = std::to_string(query[1]) + ".png";
  label(answers("item,file,class", [&](auto item, auto class_index) { return row(item, class_index, other); }), 65,
        "answers.csv:2: item " + std::to_string(query[0]) + " is " + std::to_string(query[0]) +
            ".png, and the row names " + other + ": was one column sorted or pasted alone?");
  label(answers("item,file,class",
                [&](auto item, auto class_index) { return row(item, class_index, std::to_string(item) + ".png"); }),
        0, "6 labels recorded");
  EXPECT_EQ(recorded(), truth());
}

TEST_F(Labels, AnIndexStandsInItsOwnColumn) {
  wait_for({"1", "2", "5", "0"});
  const std::vector<std::string> sorted{"0", "1", "2", "5"};  // classes count in byte order
  const std::vector<int64_t> index{1, 2, 3, 0};
  const auto row = [&](int64_t item, int64_t class_index, int64_t off) {
    return std::to_string(item) + "," + sorted[size_t(index[size_t(class_index)])] + "," +
           std::to_string((index[size_t(class_index)] + off) % 4);
  };
  label(answers("item,class,class_index", [&](auto item, auto class_index) { return row(item, class_index, 1); }), 65,
        "answers.csv:2: class ");
  label("item,class_index\n" + std::to_string(query[0]) + ",4\n", 65, "answers.csv:2: class_index 4 is not in 0..3");
  label(answers("item,class,class_index", [&](auto item, auto class_index) { return row(item, class_index, 0); }), 0,
        "6 labels");
  std::vector<int64_t> expected;
  for (int64_t class_index : truth()) expected.push_back(index[size_t(class_index)]);
  EXPECT_EQ(recorded(), expected);
}

TEST_F(Labels, NothingInAFileIsIgnoredWithoutAWord) {
  wait_for({"cat", "dog", "cow", "pig"});
  const std::vector<std::string> names{"cat", "dog", "cow", "pig"};
  const auto all = answers("item,class", [&](auto item, auto class_index) {
    return std::to_string(item) + "," + names[size_t(class_index)];
  });
  const std::string first = std::to_string(query[0]), right = names[size_t(classes[size_t(query[0])])];
  const std::string wrong = names[size_t(classes[size_t(query[0])] + 1) % 4];
  label(all + "36,cat\n", 65, "answers.csv:8: item 36 is not one of the training images 0..35");
  label(all + "-1,cat\n", 65, "answers.csv:8: item -1 is not one of");
  label(all + first + "," + wrong + "\n", 65,
        "answers.csv:8: item " + first + " is " + wrong + " here and " + right + " in line 2: it stands twice");
  label(all + "3\n", 65, "answers.csv:8: 1 fields where the heading has 2");
  label(all + "3, cat\n", 65, "answers.csv:8: class \" cat\" is not one of cat, cow, dog, pig; did you mean cat");
  label("item,class,class\n", 65, "answers.csv:1: there are two columns \"class\"");
  label("item,class\n" + first + ",\n", 10, "answers.csv: 1 row gives no class: item " + first);
  const std::string said = label(all + first + "," + right + "\n0," + names[size_t(classes[0] + 1) % 4] + "\n1,\n", 0,
                                 "6 labels recorded, 30 in the ledger");
  for (const std::string& words :
       {"note: " + folder + "/answers.csv: 1 row repeats an item with the same class: item " + first,
        "note: " + folder + "/answers.csv: 1 row gives no class: item 1\n",
        std::string("note: 1 labelled item was not asked for and is not recorded: 0\n"),
        "note: 1 of them has another class in the ledger, which stays: 0 (" + names[size_t(classes[0])] +
            " in the ledger, " + names[size_t(classes[0] + 1) % 4] + " in the file)"})
    EXPECT_NE(said.find(words), said.npos) << words << "\nis not in\n" << said;
}

// Names with everything that CSV files trip over; the query's own file with a column added is a label file.
TEST_F(Labels, AwkwardNamesGoThereAndBack) {
  const std::vector<std::string> names{"say \"hi\"", "=SUM(1)", "a,b; c", "-two\nlines"};
  wait(names, [](int64_t at) {
    const char* files[] = {"=1.png", "say \"hi\".png", "two\nlines.png", "a,b.png", "'@.png", "\xc3\xa9.png"};
    return std::to_string(at / 6) + "/" + files[at % 6];
  });
  const std::string text = read(at_ + "/rounds/00/query.csv");
  data::CsvReader asked(text, "query.csv");
  data::CsvWriter copy({"item", "file", "class"});
  std::istringstream list(read(folder + "/data/labels.csv"));
  while (asked.next()) {
    const int64_t item = asked.number<int64_t>(0);
    EXPECT_TRUE(fs::exists(folder + "/data/" + asked[asked.column("file")])) << asked[3];
    copy.number(item).text(asked[3]).text(names[size_t(classes[size_t(item)])]).end_row();
  }
  label(copy.str(), 0, "6 labels recorded");
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  std::vector<int64_t> expected;
  for (int64_t class_index : truth())
    expected.push_back(std::ranges::find(sorted, names[size_t(class_index)]) - sorted.begin());
  EXPECT_EQ(recorded(), expected);
}

TEST_F(Labels, WhatSpreadsheetsWriteIsUnderstoodOrRefusedByItsName) {
  wait_for({"cat", "dog", "caf\xc3\xa9", "pig"});
  const auto rows = [&](const std::string& separator, const std::string& end, const std::string& cafe) {
    std::string text = "item" + separator + "class" + end;
    for (int64_t item : query) {
      const std::string names[] = {"cat", "dog", cafe, "pig"};
      text += std::to_string(item) + separator + names[classes[size_t(item)]] + end;
    }
    return text;
  };
  const auto wide = [](const std::string& text) {  // of Latin-1
    std::string bytes;
    for (const char c : text) bytes += {c, '\0'};
    return bytes;
  };
  label(wide(rows(",", "\n", "caf\xe9")), 65, "is no text: it holds a byte 0");
  label(rows(";", "\r\n", "caf\xc3\xa9") + "\"", 65, "the quote that opens \"\" is never closed");
  label(rows(" ", "\n", "caf\xc3\xa9"), 65, "\"item class\" has no column \"item\"");
  const std::string formats[] = {"\xef\xbb\xbf" + rows(";", "\r\n", "caf\xc3\xa9"),
                                 "\xff\xfe" + wide(rows("\t", "\r\n", "caf\xe9")), rows(",", "\r", "caf\xc3\xa9")};
  for (const std::string& text : formats) {
    fs::remove_all(folder + "/kept");
    fs::copy(at_, folder + "/kept", fs::copy_options::recursive);
    label(text, 0, "6 labels recorded");
    EXPECT_EQ(recorded().size(), 6u);
    fs::remove_all(at_);
    fs::rename(folder + "/kept", at_);
  }
}

// The ledger holds numbers of classes: other names would make it say something else.
TEST_F(Labels, ARunKeepsItsClassNames) {
  const std::string data = folder + "/data", meta = data + "/batches.meta.txt";
  expect("data make " + data + " --set data.train_size=120 --set data.test_size=10", 0, "");
  const std::string out = folder + "/run";
  const Outcome killed = shell("CRC_FAULT=rename:25:kill exec " + kTrain + " run demo --out " + out + run_on(data) +
                               "--set data.name=cifar10 --set acquisition.rounds=3 --set acquisition.first=random "
                               "--set acquisition.initial=10");
  ASSERT_EQ(killed.code, 128 + 9) << killed.words;
  write(meta, "1\n0\n2\n3\n4\n5\n6\n7\n8\n9\n");
  expect("resume " + out + " --quiet", 65, "the classes are 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, and were 0, 1, 2");
  write(meta, "1\n0\n2\n3\n4\n5\n6\n7\n8\n8\n");
  expect("resume " + out + " --quiet", 65, "batches.meta.txt:10: a second class \"8\"; a class is known by its name");
  write(meta,
        "\xef\xbb\xbf"
        "0\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n");
  expect("resume " + out + " --quiet", 0, "");
}

}  // namespace
}  // namespace crc::test
