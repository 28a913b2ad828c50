#include <gtest/gtest.h>

#include "apps/label/formats.h"
#include "kernels/core/error.h"

namespace crc::test {
namespace {

using namespace crc::apps;
using Classes = std::map<int64_t, int64_t>;

const std::vector<std::string> kClasses{"cat", "dog", "7", "say \"hi\""};

LabelFile read_file(std::string_view text, const std::vector<std::string>& classes = kClasses,
                    Disagreement how = Disagreement::refuse) {
  static const std::vector<std::string> kNoFiles;
  return read_labels(text, "labels.csv", {classes, 20, kNoFiles}, how);
}

struct Read {
  Classes classes;
  std::vector<std::string> notes;
};
Read read(std::string_view text, const std::vector<std::string>& classes = kClasses) {
  const LabelFile file = read_file(text, classes);
  Read read{{}, file.notes};
  for (const auto& [item, answer] : file.answers) read.classes[item] = answer.class_index;
  return read;
}

std::string refusal(std::string_view text, const std::vector<std::string>& classes = kClasses) {
  try {
    read(text, classes);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::corrupt_data);
    return e.what();
  }
  return "accepted";
}

const std::string kEnd = "; a label file has columns item and class";

TEST(LabelFile, TakesAQueryWithAColumnMore) {
  const Read file = read(
      "item,group,score,file,class\r\n12,0,1.5,\"a,b.png\",dog\r\n3,0,1.5,\"c.png\",cat\n9,1,0.5,d.png,\n4,1,1,e.png,"
      "7\n,,,,\n5,1,1,f.png,\"say \"\"hi\"\"\"\n6,1,1,f.png,say \"hi\"\n\n");
  EXPECT_EQ(file.classes, (Classes{{12, 1}, {3, 0}, {4, 2}, {5, 3}, {6, 3}}));
  EXPECT_EQ(file.notes, (std::vector<std::string>{"labels.csv: 1 row gives no class: item 9"}));
}

TEST(LabelFile, AClassIsItsNameAndAnIndexStandsInAColumnOfItsOwn) {
  EXPECT_EQ(read("item,class_index\n1,2\n2,0\n").classes, (Classes{{1, 2}, {2, 0}}));
  EXPECT_EQ(read("class_index,item,class\n2,1,7\n,2,dog\n0,3,\n").classes, (Classes{{1, 2}, {2, 1}, {3, 0}}));
  EXPECT_EQ(refusal("item,class,class_index\n1,dog,0\n"),
            "labels.csv:2: class dog has index 1, and class_index is 0 (cat)" + kEnd);
  EXPECT_EQ(refusal("item,class_index\n1,4\n"), "labels.csv:2: class_index 4 is not in 0..3" + kEnd);
  EXPECT_EQ(refusal("item,class_index\n1,cat\n"), "labels.csv:2: class_index \"cat\" is not a number" + kEnd);
  const std::vector<std::string> padded{"01", "02", "03", "04"}, digits{"1", "2", "5"};
  EXPECT_EQ(read("item,class\n1,01\n", padded).classes, (Classes{{1, 0}}));
  EXPECT_EQ(read("item,class\n1,1\n2,5\n", digits).classes, (Classes{{1, 0}, {2, 2}}));
  EXPECT_EQ(read("item,label\n1,01\n", padded).classes, (Classes{{1, 0}}));
  EXPECT_EQ(read("item,label,class_index\n1,ripe,2\n", padded).classes, (Classes{{1, 2}}));  // of something else
  EXPECT_EQ(refusal("item,class\n1,1\n", padded),
            "labels.csv:2: class \"1\" is not one of 01, 02, 03, 04; did you mean 01 or 02 or 03?; numbers of classes "
            "stand in a column class_index" +
                kEnd);
  EXPECT_EQ(refusal("item,class\n1,0\n", digits).find("labels.csv:2: class \"0\" is not one of 1, 2, 5"), 0u);
}

TEST(LabelFile, SaysWhichLineIsWrong) {
  EXPECT_EQ(refusal(""), "labels.csv:1: the file is empty" + kEnd);
  EXPECT_EQ(refusal("item,clas\n1,2\n"), "labels.csv:1: \"item,clas\" has no column \"class\"" + kEnd);
  EXPECT_EQ(refusal("item,class\n1,dog\n2\n"), "labels.csv:3: 1 fields where the heading has 2" + kEnd);
  EXPECT_EQ(refusal("item,class\n1,bird\n"),
            "labels.csv:2: class \"bird\" is not one of cat, dog, 7, \"say \\\"hi\\\"\"" + kEnd);
  EXPECT_EQ(refusal("item,class\n1,Dog \n")
                .find("labels.csv:2: class \"Dog \" is not one of cat, dog, 7, \"say \\\"hi\\\"\"; did you mean dog"),
            0u);
  EXPECT_EQ(refusal("item,class\nx,dog\n"), "labels.csv:2: item \"x\" is not a number" + kEnd);
  EXPECT_EQ(refusal("item,class\n,dog\n"), "labels.csv:2: item \"\" is not a number" + kEnd);
  for (const char* item : {"20", "-1"})
    EXPECT_EQ(refusal("item,class\n" + std::string(item) + ",dog\n"),
              "labels.csv:2: item " + std::string(item) + " is not one of the training images 0..19" + kEnd);
  EXPECT_EQ(refusal("item,class\n1,dog\n3,dog\n1,cat\n"),
            "labels.csv:4: item 1 is cat here and dog in line 2: it stands twice" + kEnd);
  EXPECT_EQ(read("item,class\n1,dog\n1,dog\n").notes,
            (std::vector<std::string>{"labels.csv: 1 row repeats an item with the same class: item 1"}));
}

}  // namespace
}  // namespace crc::test
