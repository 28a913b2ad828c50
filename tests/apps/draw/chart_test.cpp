#include "apps/draw/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "apps/draw/axes.h"
#include "data/png.h"
namespace crc::apps::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Image : data::RgbImage {
  explicit Image(const std::string& png)
      : RgbImage(data::decode_png({reinterpret_cast<const uint8_t*>(png.data()), png.size()}, "drawn")) {}
  Rgb at(int64_t x, int64_t y) const {
    const uint8_t* p = &pixels[size_t(y * width + x) * 3];
    return {p[0], p[1], p[2]};
  }
  int dark(int64_t x, int64_t y) const { return 255 - at(x, y).g; }
};

TEST(Axes, TicksAreRound) {
  EXPECT_THAT(round_ticks(0, 1, 5), ElementsAre(0, 0.2, 0.4, ::testing::DoubleEq(0.6000000000000001), 0.8, 1));
  EXPECT_THAT(round_ticks(47, 93, 5), ElementsAre(50, 60, 70, 80, 90));
  EXPECT_THAT(round_ticks(5, 5, 5), ElementsAre(5));
  double low = 47.1, high = 93;
  round_outwards(low, high, 6);
  EXPECT_EQ(low, 40);
  EXPECT_EQ(high, 100);
  EXPECT_EQ(tick_text(0.2 * 3), "0.6");
  EXPECT_EQ(tick_text(-1e-17), "0");
  EXPECT_EQ(tick_text(2.5e7), "2.5e+07");
}

// 0.1 + 0.1 + 0.1 and three times 0.1, in percent.
TEST(Axes, RoundingIsNoSpan) {
  const double low = 30, high = 100 * (0.1 + 0.1 + 0.1);
  ASSERT_LT(low, high);
  EXPECT_THAT(round_ticks(low, high, 6), ElementsAre(low));
  double from = low, to = high;
  round_outwards(from, to, 6);
  EXPECT_LT(from, 28);
  EXPECT_GT(to, 32);
  EXPECT_LT(round_ticks(from, to, 6).size(), 10u);
}

TEST(Chart, BandsEndWhereNothingCanBe) {
  LineChart chart;
  chart.possible = {0, 100};
  chart.series = {{.name = "a", .mean = {{10, 95}, {20, 99}}, .deviation = {3, 4}, .members = {}}};
  EXPECT_EQ(chart_svg(chart).find(">105<"), std::string::npos);
  EXPECT_NE(chart_svg(chart).find(">100<"), std::string::npos);
}

TEST(Raster, CoverageIsTheAreaCovered) {
  RasterCanvas canvas(20, 20, 1);
  canvas.rectangle(2, 2, 4.5, 3, Ink::text);
  canvas.line({2, 10.5}, {18, 10.5}, {.ink = Ink::text, .width = 1});
  canvas.line({2, 15}, {18, 15}, {.ink = Ink::text, .width = 1});  // between two rows of pixels
  const Image image(canvas.png());
  ASSERT_EQ(image.width, 20);
  const int full = image.dark(3, 3);
  EXPECT_GT(full, 200);
  EXPECT_EQ(image.dark(1, 3), 0);
  EXPECT_EQ(image.dark(5, 4), full);
  EXPECT_NEAR(image.dark(6, 3), full / 2, 2);
  EXPECT_EQ(image.dark(3, 5), 0);
  EXPECT_EQ(image.dark(10, 10), full);
  EXPECT_EQ(image.dark(10, 9), 0);
  EXPECT_NEAR(image.dark(10, 14), full / 2, 2);
  EXPECT_NEAR(image.dark(10, 15), full / 2, 2);
}

TEST(Raster, WhatLiesOutsideIsClipped) {
  RasterCanvas canvas(10, 10, 2);
  canvas.line({-50, -50}, {60, 60}, {.width = 3});
  canvas.rectangle(-5, -5, 100, 100, Ink::grid);
  canvas.dot({200, 200}, 5, Ink::text);
  canvas.text({-30, 5}, "a long text that leaves on both sides", {});
  canvas.polyline({}, {});
  EXPECT_EQ(Image(canvas.png()).pixels.size(), 20u * 20 * 3);
}

TEST(Raster, TextIsDrawnAndMeasured) {
  EXPECT_EQ(text_width("", 12), 0);
  EXPECT_GT(text_width("mm", 12), text_width("ii", 12));
  EXPECT_NEAR(text_width("labels", 24), 2 * text_width("labels", 12), 1e-9);
  for (const char* text : {"A", "8", "g", "\xc2\xb1", "\xff", "\xe6\xbc\xa2"}) {  // the last two have no glyph: a box
    RasterCanvas canvas(20, 20, 2);
    canvas.text({4, 14}, text, {.size = 14});
    const Image image(canvas.png());
    int ink = 0;
    for (int i = 0; i < 40 * 40; ++i) ink += image.dark(i % 40, i / 40) > 128;
    EXPECT_GT(ink, 15) << text;
  }
}

LineChart example() {
  LineChart chart;
  chart.title = "A & <B>";
  chart.x_label = "labels";
  chart.description = "accuracy \"by\" labels";
  chart.series.push_back({.name = "crc",
                          .mean = {{50, 55.9}, {100, 78.4}, {150, 83.7}},
                          .deviation = {1, 2, std::nan("")},
                          .members = {{{50, 50}, {100, 80}}}});
  chart.series.push_back(
      {.name = "paper", .ink = Ink::text, .mean = {{100, 78.4}}, .deviation = {}, .members = {}, .reference = true});
  return chart;
}

TEST(Chart, SvgHoldsTheSeriesAndEscapesTexts) {
  const std::string svg = chart_svg(example(), true);
  EXPECT_THAT(svg, HasSubstr("A &amp; &lt;B&gt;"));
  EXPECT_THAT(svg, HasSubstr("aria-label=\"accuracy &quot;by&quot; labels\""));
  EXPECT_THAT(svg, HasSubstr("stroke=\"var(--c0)\" stroke-width=\"1.9\""));
  EXPECT_THAT(svg, HasSubstr("fill-opacity=\"0.13\""));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(svg, HasSubstr(">80</text>"));
  EXPECT_THAT(svg, ::testing::Not(HasSubstr("nan")));
  EXPECT_THAT(chart_svg(example()), ::testing::Not(HasSubstr("<style>")));
}

TEST(Chart, PngIsTheSamePicture) {
  const Image light(chart_png(example())), dark(chart_png(example(), 1, Theme::dark));
  EXPECT_EQ(light.width, 2 * 760);
  EXPECT_EQ(dark.width, 760);
  EXPECT_EQ(light.at(0, 0).g, 255);
  EXPECT_LT(dark.at(0, 0).g, 40);
  int blue = 0;
  for (int i = 0; i < light.width * light.height; ++i) {
    const Rgb c = light.at(i % light.width, i / light.width);
    blue += c.r == 0x00 && c.g == 0x72 && c.b == 0xb2;
  }
  EXPECT_GT(blue, 1000);
  EXPECT_EQ(chart_png(example()), chart_png(example()));
}

TEST(Chart, SaysItsValuesUnderThePointer) {
  const std::string svg = chart_svg(example());
  EXPECT_THAT(svg, HasSubstr("<title>labels 50\ncrc: 55.9 ± 1</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>labels 100\ncrc: 78.4 ± 2\npaper: 78.4</title>"));
  LineChart many;
  many.x_label = "epoch";
  many.series.push_back({.name = "<b>", .mean = {}, .deviation = {}, .members = {}});
  for (int i = 0; i < 1000; ++i) many.series[0].mean.push_back({double(i), double(i)});
  const std::string long_one = chart_svg(many);
  size_t hints = 0;
  for (size_t at = 0; (at = long_one.find("<title>", at)) != long_one.npos; ++at) ++hints;
  EXPECT_EQ(hints, 100u);  // a page has many charts
  EXPECT_THAT(long_one, HasSubstr("&lt;b&gt;: 10"));
  BarChart bars;
  bars.categories = {"cat", "<dog>"};
  bars.series = {{.name = "crc", .values = {3, 4}}};
  EXPECT_THAT(chart_svg(bars), HasSubstr("<title>&lt;dog&gt;\ncrc: 4</title>"));
}

// On a phone: as many legend rows as it takes, and no text beyond the edge or on another.
TEST(Chart, OnAPhoneTheLegendTakesItsRows) {
  LineChart chart = example();
  chart.width = 358, chart.height = 290;
  for (const char* name : {"a rather long name", "another long name", "a third long name"})
    chart.series.push_back({.name = name, .mean = {{50, 50}, {150, 60}}, .deviation = {}, .members = {}});
  const std::string svg = chart_svg(chart);
  for (const char* name : {"a rather long name", "another long name", "a third long name"})
    EXPECT_THAT(svg, HasSubstr(std::string(name) + "</text>"));
  chart.x_ticks.clear();
  for (int i = 0; i < 10; ++i) chart.x_ticks.push_back(10000 + i * 10000);
  chart.series[0].mean = {{10000, 1}, {100000, 2}};
  EXPECT_LT(chart_svg(chart).find(">10000</text>"), chart_svg(chart).find(">30000</text>"));
  EXPECT_EQ(chart_svg(chart).find(">20000</text>"), std::string::npos);
}

TEST(Chart, NothingToDrawIsSaid) {
  LineChart empty;
  empty.title = "t";
  EXPECT_THAT(chart_svg(empty), HasSubstr("no data yet"));
  EXPECT_THAT(braille_plot(empty), HasSubstr("no data yet"));
  LineChart one = example();
  for (auto& series : one.series) series.mean = {{50, 0.5}};
  one.series[0].members.clear();
  EXPECT_THAT(chart_svg(one), ::testing::Not(HasSubstr("nan")));
  EXPECT_THAT(chart_svg(BarChart{}), HasSubstr("<svg"));
  BarChart bars;
  bars.series = {{.name = "n", .values = {0, 3, std::nan("")}}};
  bars.x_range = {1e-3, 2e-3};
  EXPECT_THAT(chart_svg(bars), ::testing::AllOf(HasSubstr(">0.0012</text>"), ::testing::Not(HasSubstr("nan"))));
}

TEST(Chart, BraillePlotGolden) {
  LineChart chart;
  chart.title = "accuracy";
  chart.x_label = "labels";
  chart.series.push_back({.name = "crc", .mean = {{0, 0}, {10, 10}}, .deviation = {}, .members = {}});
  EXPECT_EQ(braille_plot(chart, 34, 4),
            "        accuracy\n"
            "     10 │         ⣀⠔⠊ crc\n"
            "        │      ⣀⠔⠊   \n"
            "      5 │   ⡠⠔⠉      \n"
            "      0 │⡠⠔⠉         \n"
            "        └────────────\n"
            "         0   4    8  labels\n");
  EXPECT_THAT(braille_plot(chart, 34, 4, true), HasSubstr("\x1b[34mcrc\x1b[0m"));
}

TEST(Canvas, AnImageKeepsItsPixels) {
  const std::vector<uint8_t> rgb = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9};
  RasterCanvas canvas(8, 6, 1);
  canvas.image({1, 1}, 2, {rgb, 2, 2});
  const Image drawn(canvas.png());
  const auto at = [&](int x, int y) {
    const Rgb c = drawn.at(x, y);
    return std::vector<int>{c.r, c.g, c.b};
  };
  EXPECT_EQ(at(1, 1), (std::vector<int>{255, 0, 0}));
  EXPECT_EQ(at(2, 2), (std::vector<int>{255, 0, 0}));
  EXPECT_EQ(at(3, 1), (std::vector<int>{0, 255, 0}));
  EXPECT_EQ(at(1, 3), (std::vector<int>{0, 0, 255}));
  EXPECT_EQ(at(4, 4), (std::vector<int>{9, 9, 9}));
  EXPECT_EQ(at(0, 0), at(5, 5));  // paper
  SvgCanvas svg;
  svg.image({1, 1}, 2, {rgb, 2, 2});
  EXPECT_NE(svg.finish(8, 6, "", true).find("width=\"4.0\" height=\"4.0\""), std::string::npos);
}

}  // namespace
}  // namespace crc::apps::test
