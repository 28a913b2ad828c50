// Data sets from outside: whatever a folder holds and a run does not read is said, and every option can be set.
#include <functional>

#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

class DataFolder : public OwnImages {
 protected:
  // Six images a class, four in training and two in test; the classes are three digits.
  void class_folders() const {
    int64_t counts[3] = {};
    for (int64_t i = 0; i < 300; ++i)
      if (const int64_t c = digit(i); c < 3 && counts[c] < 6) {
        const std::string split = counts[c] < 4 ? "train" : "test";
        png(data + "/" + split + "/" + kNames[c] + "/" + std::to_string(i) + ".png", i);
        ++counts[c];
      }
  }
  std::string info(int code, const std::string& words) const {
    return expect("data info --set data.name=folder --set data.dir=" + data, code, words);
  }
  // data info, a dry run and a run say it.
  void said(const std::string& words) const {
    info(0, "note         " + words);
    expect("run demo --dry-run " + run_on(data) + "--set acquisition.rounds=0", 0, "note     " + words);
    fs::remove_all(folder + "/run");
    expect("run demo --out " + folder + "/run " + run_on(data) + "--set acquisition.rounds=0", 0, words);
    EXPECT_NE(read(folder + "/run/log.txt").find(words), std::string::npos) << words;
  }
  const std::string data = folder + "/data";
  static constexpr const char* kNames[] = {"cat", "cow", "dog"};
};

TEST_F(DataFolder, CapitalsAreRead) {
  class_folders();
  png(data + "/train/dog/x.PNG", 290);
  const std::string words = info(0, "13 training, 6 test");
  EXPECT_EQ(words.find("note"), words.npos) << words;
}

TEST_F(DataFolder, WhatIsNotReadIsSaidByReason) {
  class_folders();
  for (const char* name : {"a.jpg", "b.JPG", "c.jpeg", "d.gif"}) write(data + "/train/cat/" + name, "x");
  write(data + "/train/cat/._a.png", "x");
  write(data + "/train/cow/notes.txt", "x");
  write(data + "/train/cow/more/e.png", "x");
  write(data + "/train/f.png", "x");
  write(data + "/valid/cat/g.png", "x");
  fs::create_directories(data + "/train/bird");
  const std::string words = info(0, "12 training, 6 test");
  for (const char* note :
       {"3 images of another kind than PNG are not read (data.resize reads JPEG too): train/cat/a.jpg, "
        "train/cat/b.JPG, train/cat/c.jpeg",
        "1 image of another kind than PNG and JPEG, which cannot be read (convert them), is not read: "
        "train/cat/d.gif",
        "1 hidden file is not read: train/cat/._a.png", "1 file without images is not read: train/cow/notes.txt",
        "1 folder inside class folders is not read: train/cow/more",
        "2 files outside train/<class> and test/<class> are not read: valid, train/f.png",
        "1 class folder is empty and makes no class: train/bird"})
    EXPECT_NE(words.find(std::string("note         ") + note + "\n"), words.npos) << note << "\n" << words;
  said("3 images of another kind than PNG");
}

TEST_F(DataFolder, AClassIsNeverLostThatWay) {
  class_folders();
  for (const char* name : {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}) write(data + "/train/bird/" + name, "x");
  write(data + "/train/bee/deeper/e.png", "x");
  info(65,
       "2 classes would be lost, for no file of theirs is read: train/bee (deeper), train/bird (a.jpg, b.jpg, c.jpg, "
       "... (4)); set data.resize, which reads JPEG and any size");
  expect("run demo --dry-run" + run_on(data), 65, "classes would be lost");
  expect("run demo --out " + folder + "/run" + run_on(data), 65, "classes would be lost");
  EXPECT_FALSE(fs::exists(folder + "/run"));
}

TEST_F(DataFolder, ClassesOfOneSplitAlone) {
  class_folders();
  png(data + "/train/bee/1.png", 250);
  info(0, "note         1 class of train has no image in test: bee");
}

TEST_F(DataFolder, OneImageWithTwoLabelsOrInBothSplits) {
  class_folders();
  png(data + "/train/cat/first.png", 280);
  png(data + "/train/dog/second.png", 280);
  said("1 image stands twice with different labels: train/cat/first.png (cat) = train/dog/second.png (dog)");
  png(data + "/test/cat/third.png", 280);
  png(data + "/test/cow/fourth.png", 281);
  png(data + "/train/cow/fourth.png", 281);
  const std::string words = info(0, "note         2 images stand both in training and in test: ");
  for (const char* pair : {"train/cat/first.png = test/cat/third.png", "train/cow/fourth.png = test/cow/fourth.png"})
    EXPECT_NE(words.find(pair), words.npos) << words;
}

TEST_F(DataFolder, LinksThatLeadOutAreNamed) {
  class_folders();
  png(folder + "/elsewhere/1.png", 270);
  png(folder + "/elsewhere/2.png", 271);
  fs::create_symlink(folder + "/elsewhere/1.png", data + "/train/cat/out.png");
  png(data + "/test/cat/inside.png", 272);
  fs::create_symlink(data + "/test/cat/inside.png", data + "/test/cat/link.png");  // fine
  fs::create_directory_symlink(folder + "/elsewhere", data + "/test/bee");
  const std::string words = info(0, "note         2 links lead out of the folder and are read: ");
  EXPECT_NE(words.find("train/cat/out.png -> " + folder + "/elsewhere/1.png"), words.npos) << words;
  EXPECT_NE(words.find("test/bee -> " + folder + "/elsewhere"), words.npos) << words;
  EXPECT_EQ(words.find("link.png ->"), words.npos) << words;
}

TEST_F(DataFolder, ListsSayWhatTheyLeaveOut) {
  for (int64_t i = 0; i < 6; ++i) png(data + "/x/" + std::to_string(i) + ".png", i);
  png(folder + "/elsewhere.png", 7);
  fs::create_symlink(folder + "/elsewhere.png", data + "/x/7.png");
  write(data + "/x/6.jpg", "x");
  write(data + "/labels.csv",
        "\xef\xbb\xbfpath;label;split;photographer\r\nx/0.png;\"say \"\"hi\"\"\";;me\r\nx/1.png;dog;train;\r\n"
        "x/2.png;dog;test;\r\nx/0.png;\"say \"\"hi\"\"\";train;\r\nx/7.png;dog;train;me\r\n");
  const std::string words = info(0, "4 training, 1 test");
  for (const std::string& note :
       {std::string("1 column of labels.csv is not read: photographer"),
        std::string("1 image is listed more than once: x/0.png"),
        std::string("4 images are not in labels.csv and are not read: x/3.png, x/4.png, x/5.png, "
                    "... (4)"),
        "1 link leads out of the folder and is read: x/7.png -> " + folder + "/elsewhere.png"})
    EXPECT_NE(words.find("note         " + note + "\n"), words.npos) << note << "\n" << words;
  write(data + "/labels.csv", "x/0.png,cat\nx/6.jpg,dog\n");
  write(data + "/x/6.jpg", "\xff\xd8\xff\xe0 a photograph");
  info(65, "6.jpg: byte 0: found a JPEG image, expected a PNG file; data.resize reads JPEG too");
}

TEST_F(DataFolder, BatchesThatHoldTheSameImage) {
  const std::string make = "data make " + data + " --set data.train_size=40 --set data.test_size=10";
  expect(make, 0, "");
  const std::string test = read(data + "/test_batch.bin"), batch = read(data + "/data_batch_1.bin");
  const size_t record = test.size() / 10;
  write(data + "/data_batch_1.bin", test.substr(3 * record, record) + batch.substr(record));
  write(data + "/data_batch_6.bin", batch);
  const std::string at = "--set data.name=cifar10 --set data.dir=" + data;
  const std::string words = expect("data info " + at, 0, "40 training");
  for (const char* note : {"1 image stands both in training and in test: training item 0 = test item 3",
                           "1 file is not read, for CIFAR-10 has 5 batches: data_batch_6.bin"})
    EXPECT_NE(words.find(std::string("note         ") + note), words.npos) << words;
}

// Whatever `crc_train list` advertises: a wrong value of an option that can be reached is refused by its name.
TEST_F(DataFolder, EveryAdvertisedOptionCanBeSet) {
  const std::string list = expect("list", 0, "data.options: unlabeled=false");
  int options = 0;
  for (const data::DatasetEntry* entry : data::dataset_registry()) {
    const std::string advertised = entry->options;
    EXPECT_EQ(list.find("data.options: " + advertised) != list.npos, advertised != "none") << advertised;
    std::istringstream words(advertised);
    for (std::string word; words >> word;) {
      if (word == "none") continue;
      ASSERT_NE(word.find('='), word.npos) << entry->name << ": " << word;
      const std::string option = word.substr(0, word.find('='));
      expect("data info --set data.name=" + std::string(entry->name) + " --set data.dir=" + folder +
                 " --set data.options=" + option + "=?",
             78, "option " + option + " is \"?\"");
      ++options;
    }
  }
  EXPECT_GE(options, 12);
}

TEST_F(DataFolder, OptionsReachTheDataSet) {
  const std::string digits =
      "data info --set data.name=street_digits --set data.train_size=400 --set data.test_size=20 ";
  expect(digits + "--set data.profile=hard", 0, "400 training, 20 test, 0 validation, 32x32");
  expect(digits + "'--set' 'data.options=seed=3 duplicates=0.5'", 0, "400 training");
  expect(digits + "--set data.options=train=5", 78, "option train is given twice, or by another key of [data] too");
  expect(digits + "--set data.options=extra", 78, "data.options = \"extra\": \"extra\" is not of the form name=value");
  expect(digits + "--set data.options=extra=true", 78,
         "data set street_digits has no option extra; it has: profile, train");
  expect(digits + "--set data.profile=harder", 78, "one of easy, street, hard");
}

}  // namespace
}  // namespace crc::test
