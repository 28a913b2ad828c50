#include "apps/draw/label_page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace crc::apps::test {
namespace {

LabelTask one_item() {
  return {.title = "a <b> & 1 image",
          .key = "crc own rounds/00",
          .classes = {"ripe", "</script><script>alert(1)</script>", "{{title}}"},
          .pictures = {"one", "two"},
          .items = {{.item = 7,
                     .file = "a \"b\", c.png",
                     .picture = 0,
                     .guess = {{.class_index = 1, .probability = 0.75}},
                     .nearest = {{.picture = 1, .class_index = 0}}}},
          .width = 32,
          .then = "Then: label"};
}

std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const size_t at = text.find(open) + open.size();
  return text.substr(at, text.find(close, at) - at);
}

TEST(LabelPage, HoldsItsTaskAsDataWhateverNamesAre) {
  const std::string page = label_page(one_item());
  EXPECT_NE(page.find("<title>a &lt;b&gt; &amp; 1 image</title>"), page.npos);
  EXPECT_EQ(page.find("alert(1)</script>"), page.npos);
  const auto task = nlohmann::json::parse(between(page, R"(<script type="application/json" id="task">)", "</script>"));
  EXPECT_EQ(task["classes"][1], "</script><script>alert(1)</script>");
  EXPECT_EQ(task["classes"][2], "{{title}}");  // what is put in is not a template
  EXPECT_EQ(task["items"][0]["file"], "a \"b\", c.png");
  EXPECT_EQ(task["items"][0]["guess"][0]["probability"], 0.75);
  EXPECT_EQ(task["items"][0]["near"][0]["picture"], 1);
  EXPECT_EQ(task["pictures"][1], "data:image/png;base64,dHdv");
}

TEST(LabelPage, ShowsThePhotographAndMarksWhatTheNetworkSees) {
  LabelTask task = one_item();
  task.items[0].photo = LabelPhoto{.jpeg = "two", .left = 0.25, .width = 0.5};
  const auto item = task_of_page(label_page(task)).value()["items"][0];
  EXPECT_EQ(item["photo"], "data:image/jpeg;base64,dHdv");
  EXPECT_EQ(item["part"], (nlohmann::json{0.25, 0, 0.5, 1}));
  task.items[0].photo = LabelPhoto{.jpeg = "two"};  // all of it
  EXPECT_FALSE(task_of_page(label_page(task)).value()["items"][0].contains("part"));
  EXPECT_FALSE(task_of_page(label_page(one_item())).value()["items"][0].contains("photo"));
}

TEST(LabelPage, IsOneFileThatAsksNobodyAndHasNoPlaceLeftEmpty) {
  LabelTask task = one_item();
  task.classes = {"ripe", "unripe"};
  const std::string page = label_page(task);
  EXPECT_EQ(page.find("{{"), page.npos);
  for (const char* outside : {"http://", "https://", "src=\"//", "@import", "<link"})
    EXPECT_EQ(page.find(outside), page.npos) << outside;
}

}  // namespace
}  // namespace crc::apps::test
