// What labelling tools read and give back.
#include "apps/label/formats.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "apps/base/json.h"
#include "kernels/core/error.h"
#include "kernels/core/random.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using json = nlohmann::ordered_json;

data::Dataset small_images() {
  data::Dataset dataset;
  dataset.name = "folder";
  dataset.class_names = {"cat", "a <b> & \"c\"", "01", "caf\xc3\xa9"};
  dataset.train.count = 12;
  dataset.train.height = dataset.train.width = 4;
  dataset.train.labels.assign(12, -1);
  for (int64_t item = 0; item < 12; ++item) {
    dataset.train.names.push_back("a/" + std::to_string(item) + " <&\".png");
    for (int64_t k = 0; k < 4 * 4 * 3; ++k) dataset.train.pixels.push_back(uint8_t(16 * item + k));
  }
  return dataset;
}

std::map<int64_t, std::pair<int64_t, std::string>> said(const std::map<int64_t, Answer>& answers) {
  std::map<int64_t, std::pair<int64_t, std::string>> all;
  for (const auto& [item, answer] : answers) all[item] = {answer.class_index, answer.skip};
  return all;
}

TEST(LabelFormats, EveryOneReadsBackWhatItWrites) {
  const data::Dataset dataset = small_images();
  const LabelNames names(dataset);
  for (int64_t trial = 0; trial < 40; ++trial) {
    Draws draws(3, Purpose::test, trial, 0);
    LabelExport job{.title = "t", .dataset = dataset, .names = names, .items = {7, 3, 11, 0, 5}, .answers = {}};
    for (const int64_t item : job.items) {
      const int64_t what = int64_t(draws.below(7));
      if (what < 4) job.answers[item] = {item, what};
      if (what == 4 || what == 5) job.answers[item] = {item, -1, what == 4 ? kUnsure : kNoneOfThese};
    }
    for (const LabelFormat& format : label_formats()) {
      const std::string text = format.write(job).at(0).content;
      const LabelFile read = read_labels(text, "file", names);
      EXPECT_EQ(said(read.answers), said(job.answers)) << format.name << "\n" << text;
    }
  }
}

TEST(LabelFormats, AToolThatKnowsImagesByNameNeedsNames) {
  data::Dataset dataset = small_images();
  dataset.train.names.clear();
  const LabelNames names(dataset);
  const LabelExport job{.title = "t", .dataset = dataset, .names = names, .items = {7}, .answers = {}};
  for (const LabelFormat& format : label_formats()) {
    if (format.name == "cvat" || format.name == "fiftyone")
      expect_error(ExitCode::usage, {"are no files", "--export label-studio"}, [&] { format.write(job); });
    else
      EXPECT_FALSE(format.write(job).at(0).content.empty());
  }
}

TEST(LabelFormats, ANameOfSeveralImagesIsNobodys) {
  data::Dataset dataset = small_images();
  dataset.train.names[3] = dataset.train.names[7];
  const LabelNames names(dataset);
  const LabelExport job{.title = "t", .dataset = dataset, .names = names, .items = {7}, .answers = {}};
  for (const LabelFormat& format : label_formats())
    if (format.name == "cvat" || format.name == "fiftyone")
      expect_error(ExitCode::usage, {"stands for several training images"}, [&] { format.write(job); });
  expect_error(ExitCode::corrupt_data, {"labels.csv:2: ", "stands for several training images"},
               [&] { read_labels("file,class\n\"a/7 <&\"\".png\",cat\n", "labels.csv", names); });
}

void refuse(const std::string& text, const std::vector<std::string>& pieces) {
  const data::Dataset dataset = small_images();
  const LabelNames names(dataset);
  expect_error(ExitCode::corrupt_data, pieces, [&] { read_labels(text, "file", names); });
}

std::string task(const std::string& data, const std::string& result) {
  return R"([{"id":5,"data":)" + data + R"(,"annotations":[{"completed_by":1,"result":[)" + result + "]}]}]";
}
std::string choice(const std::string& classes) { return R"({"type":"choices","value":{"choices":[)" + classes + "]}}"; }

TEST(LabelFormats, WhatIsWrongIsNamedWithItsPlace) {
  refuse("[{]", {"file"});
  refuse("[7]", {"file: task 1 is no JSON object"});
  refuse(task(R"({"image":"x"})", ""), {"file: task 1 (id 5) has no \"item\""});
  refuse(task(R"({"item":12})", ""), {"task 1 (id 5) has item 12, which is not one of the training images 0..11"});
  refuse(task(R"({"item":1,"file":"b.png"})", ""), {"has item 1, which is a/1 <&\".png, and names b.png"});
  refuse(task(R"({"item":1})", choice("\"dog\"")), {"task 1 (id 5): class \"dog\" is not one of cat"});
  refuse(task(R"({"item":1})", choice("\"cat\",\"01\"")), {"has 2 classes for item 1; one is wanted"});
  refuse(task(R"({"item":1})", choice("1")), {"has a choice that is no text"});
  refuse(task(R"({"item":1})", choice("\"withdraw\"")), {"class \"withdraw\" is not one of"});
  refuse(R"([{"data":{"item":1},"annotations":{}}])", {"task 1 has annotations that are no list"});
  refuse(R"([{"item":1,"class":"cat"},{"item":1,"class":"01"}])",
         {"file: task 2: item 1 is 01 here and cat in task 1: it stands twice"});
  refuse("{}", {"file: has no object \"labels\""});
  refuse(R"({"classes":["cat"],"labels":{"a/99":0}})", {"labels of a/99: is not one of the training images"});
  refuse(R"({"classes":["cat"],"labels":{"a/1 <&\"":1}})", {"1 is no number of \"classes\" and no name"});
  refuse(R"({"classes":["dog"],"labels":{"a/1 <&\"":0}})", {"class \"dog\" is not one of"});
  refuse("<annotations><image name=\"x\"></annotations>", {"file: is no XML", "at byte"});
  refuse("<other/>", {"has no element annotations"});
  refuse("<annotations><image name=\"x.png\"/></annotations>",
         {"file: the image \"x.png\" is not one of the training images"});
  const std::string image = "<annotations><image name=\"a/1 &lt;&amp;&quot;.png\">", end = "</image></annotations>";
  refuse(image + "<tag label=\"dog\"/>" + end, {"class \"dog\" is not one of"});
  refuse(image + "<tag label=\"cat\"/><tag label=\"01\"/>" + end, {"item 1 is 01 here and cat in image"});
}

TEST(LabelFormats, SkippedTasksAndAnnotatorsOfLabelStudio) {
  const data::Dataset dataset = small_images();
  const LabelNames names(dataset);
  const LabelFile read = read_labels(
      R"([{"data":{"item":1},"annotations":[{"was_cancelled":true,"result":[],"completed_by":{"email":"a@b.c"},)"
      R"("created_at":"2026-01-01T00:00:00Z"}]},{"data":{"item":2},"annotations":[{"result":[]}]},)"
      R"({"data":{"item":3},"annotations":[]},{"item":4,"class":"01","annotator":7}])",
      "file", names);
  EXPECT_EQ(said(read.answers), (decltype(said({})){{1, {-1, "skipped"}}, {4, {2, ""}}}));
  EXPECT_EQ(read.answers.at(1).who, "a@b.c");
  EXPECT_EQ(read.answers.at(1).when, "2026-01-01T00:00:00Z");
  EXPECT_EQ(read.answers.at(4).who, "7");
  EXPECT_THAT(read.notes, ::testing::ElementsAre("file: 1 task or annotation gives no class"));
}

// What Label Studio 1.23.2 gave back of a project that was made from our export, with two answers in it, and annotated
// through its API.
TEST(LabelFormats, FilesThatLabelStudioWrote) {
  const std::vector<std::string> classes{"\"q\"", "01", "<caf\xc3\xa9>", "cat & dog"};
  std::vector<std::string> files;
  for (int item = 0; item < 30; ++item) files.push_back(fmt::format("a {:02}, \xc3\xa9.png", item));
  const LabelNames names(classes, 30, files);
  const decltype(said({})) all{
      {9, {1, ""}},         {10, {2, ""}}, {15, {-1, "unsure"}}, {17, {0, ""}}, {21, {-1, "none of these"}},
      {22, {-1, "unsure"}}, {23, {1, ""}}, {25, {3, ""}}};
  for (const char* name : {"label_studio.json", "label_studio_min.json", "label_studio.csv"})
    EXPECT_EQ(
        said(read_labels(read_file(fmt::format("{}/tests/apps/label/tools/{}", CRC_SOURCE_DIR, name)), "file", names)
                 .answers),
        all)
        << name;
}

}  // namespace
}  // namespace crc::apps::test
