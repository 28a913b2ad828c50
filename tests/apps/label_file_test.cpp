#include "apps/label_file.h"

#include <gtest/gtest.h>

#include "kernels/core/error.h"

namespace crc::test {
namespace {

using namespace crc::apps;

const std::vector<std::string> kClasses{"cat", "dog", "7"};

std::string refusal(std::string_view text) {
  try {
    read_label_file(text, "labels.csv", kClasses);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::corrupt_data);
    return e.what();
  }
  return "accepted";
}

TEST(LabelFile, TakesAQueryWithAColumnMore) {
  const auto labels = read_label_file(
      "item,group,score,file,class\r\n12,0,1.5,\"a,b.png\",dog\r\n3,0,1.5,\"c.png\",0\n9,1,0.5,d.png,\n4,1,1,e.png,"
      "7\n\n",
      "labels.csv", kClasses);
  EXPECT_EQ(labels, (std::map<int64_t, int64_t>{{12, 1}, {3, 0}, {4, 2}})) << "a name is looked up before a number";
}

TEST(LabelFile, SaysWhichLineIsWrong) {
  EXPECT_EQ(refusal(""), "labels.csv:1: the file is empty; a label file has columns item and class");
  EXPECT_EQ(refusal("item,klass\n1,2\n"),
            "labels.csv:1: \"item,klass\" has no column \"class\"; a label file has columns item and class");
  EXPECT_EQ(refusal("item,class\n1,dog\n2\n"),
            "labels.csv:3: 1 fields where the heading has 2; a label file has columns item and class");
  EXPECT_EQ(refusal("item,class\n1,cow\n"),
            "labels.csv:2: class \"cow\" is not one of cat, dog, 7; a label file has columns item and class");
  EXPECT_EQ(refusal("item,class\n1,3\n"),
            "labels.csv:2: class \"3\" is not one of cat, dog, 7; a label file has columns item and class");
  EXPECT_EQ(refusal("item,class\nx,dog\n"),
            "labels.csv:2: item \"x\" is not a number; a label file has columns item and class");
  EXPECT_EQ(refusal("item,class\n1,dog\n1,cat\n"),
            "labels.csv:3: item 1 stands twice; a label file has columns item and class");
}

TEST(LabelFile, ReadsAQuerysItemsInOrder) {
  EXPECT_EQ(read_query_items("item,group,score\n5,0,1\n2,0,1\n", "query.csv"), (std::vector<int64_t>{5, 2}));
}

}  // namespace
}  // namespace crc::test
