#include "apps/report/mistakes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/csv.h"

namespace crc::apps {
namespace {

// Four images of 2x2, two classes; the third has no label.
data::Images four() {
  data::Images images{
      .count = 4, .height = 2, .width = 2, .pixels = std::vector<uint8_t>(48, 90), .labels = {0, 1, -1, 0}};
  images.names = {"a.png", "b<i>.png", "c.png", "=d.png"};
  return images;
}
const std::vector<float> kLogits{0, 1, 2, 0, 5, 0, -1, 2};
const std::vector<std::string> kNames{"cat, grey", "<dog>"};

TEST(Mistakes, TheLeastLikelyLabelFirst) {
  const std::vector<Mistake> found = find_mistakes(kLogits, four().labels, 2);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].item, 3);
  EXPECT_EQ(found[1].item, 1);
  EXPECT_EQ(found[2].item, 0);
  EXPECT_EQ(found[0].predicted, 1);
  EXPECT_NEAR(found[0].given, 1 / (1 + std::exp(3.0)), 1e-12);
  EXPECT_NEAR(found[0].confidence + found[0].given, 1, 1e-12);
  EXPECT_TRUE(find_mistakes({3, 0, 0, 3}, {0, 1}, 2).empty());
}

TEST(Mistakes, WilsonsInterval) {  // Brown, Cai and DasGupta 2001, by hand
  const auto close = [](WilsonInterval share, double low, double high) {
    EXPECT_NEAR(share.low, low, 5e-5);
    EXPECT_NEAR(share.high, high, 5e-5);
  };
  close(wilson(8, 10), 0.4902, 0.9433);
  close(wilson(0, 10), 0, 0.2775);
  close(wilson(10, 10), 0.7225, 1);
  close(wilson(81, 263), 0.2553, 0.3662);
}

TEST(Mistakes, TableAndPage) {
  const data::Images images = four();
  const std::vector<Mistake> found = find_mistakes(kLogits, images.labels, 2);
  data::CsvReader csv(mistakes_csv(found, images, kNames), "m.csv");
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv[csv.column("file")], "=d.png");
  EXPECT_EQ(csv[csv.column("class")], "cat, grey");
  EXPECT_EQ(csv[csv.column("predicted")], "<dog>");
  const std::string page =
      mistakes_page({"run & so on", "test images", images, kNames}, ssl::evaluate(kLogits, images.labels, 2), found);
  for (const char* part : {"run &amp; so on", "&lt;dog&gt;", "b&lt;i&gt;.png", "data:image/png;base64,", "<b>0.0 %</b>",
                           "0.0 to 56.1", "0.0–65.8"})
    EXPECT_NE(page.find(part), page.npos) << part;
  EXPECT_EQ(page.find("<dog>"), page.npos);
  EXPECT_EQ(page.find("src=\"http"), page.npos);
}

TEST(Mistakes, WithoutAnyLabelNothingIsMeasured) {
  data::Images images = four();
  images.labels.assign(4, -1);
  const std::string page =
      mistakes_page({"run", "test images", images, kNames}, ssl::evaluate(kLogits, images.labels, 2), {});
  EXPECT_NE(page.find("nothing was measured"), page.npos);
  EXPECT_EQ(page.find("nan"), page.npos);
}

}  // namespace
}  // namespace crc::apps
