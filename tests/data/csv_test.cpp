#include "data/csv.h"

#include <gtest/gtest.h>

#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;
using namespace std::string_literals;

Rows read_all(std::string_view bytes, CsvForm form = {}) {
  CsvReader csv(bytes, "t.csv", std::move(form));
  Rows rows{csv.heading()};
  while (csv.next()) {
    Row& row = rows.emplace_back();
    for (size_t c = 0; c < csv.heading().size(); ++c) row.push_back(csv[c]);
  }
  return rows;
}

void expect_refused(std::string_view bytes, const std::string& words) {
  expect_error([&] { read_all(bytes); }, ExitCode::corrupt_data, {words});
}

TEST(Csv, ReadsBackWhatItWrites) {
  const std::string awkward = ",;\t\"\r\n'=+-@ a";
  for (int64_t table = 0; table < 3000; ++table) {
    Draws draws(11, Purpose::test, table, 0);
    const size_t columns = 1 + draws.below(4), count = 1 + draws.below(5);
    Rows rows(count, Row(columns));
    for (Row& row : rows)
      for (std::string& cell : row)
        for (uint32_t length = draws.below(6); length > 0; --length)
          cell += draws.coin() ? awkward[draws.below(uint32_t(awkward.size()))] : char(1 + draws.below(255));
    CsvWriter csv(rows[0]);
    for (size_t r = 1; r < count; ++r) {
      for (const std::string& cell : rows[r]) csv.text(cell);
      csv.end_row();
    }
    ASSERT_EQ(read_all(csv.str()), rows) << in_quotes(csv.str());
  }
}

TEST(Csv, QuotesOnlyWhatNeedsIt) {
  CsvWriter csv({"item", "name"});
  csv.number(-3).text("caf\xc3\xa9").end_row();
  csv.number("0.5").text("say \"hi\", =x").end_row();
  csv.number("").text("=1+1").end_row();
  csv.number("-inf").text("'-1").end_row();
  EXPECT_EQ(csv.str(), "item,name\n-3,caf\xc3\xa9\n0.5,\"say \"\"hi\"\", =x\"\n,'=1+1\n-inf,''-1\n");
  EXPECT_EQ(csv.number(1).text("a").number(2).str().back(), '2');
  expect_error([&] { csv.end_row(); }, ExitCode::internal, {"3 cells where there are 2"});
}

TEST(Csv, UnderstandsWhatSpreadsheetsWrite) {
  const Rows rows{{"item", "class"}, {"1", "caf\xc3\xa9 \xf0\x9f\x90\x88"}, {"2", "a,b"}};
  const std::string text = "item,class\n1,caf\xc3\xa9 \xf0\x9f\x90\x88\n2,\"a,b\"\n";
  EXPECT_EQ(read_all(text), rows);
  EXPECT_EQ(read_all("\xef\xbb\xbf" + text), rows);
  EXPECT_EQ(read_all("\r\nitem;class\r\n1;caf\xc3\xa9 \xf0\x9f\x90\x88\r\n\r\n2;a,b"), rows);
  EXPECT_EQ(read_all("item\tclass\r1\tcaf\xc3\xa9 \xf0\x9f\x90\x88\r2\ta,b\r"), rows);
  for (const bool big : {false, true}) {
    std::string wide = big ? "\xfe\xff" : "\xff\xfe";
    for (const char16_t c : std::u16string(u"item\tclass\r\n1\tcaf\u00e9 \U0001f408\r\n2\ta,b\r\n"))
      for (const int shift : {big ? 8 : 0, big ? 0 : 8}) wide += char(c >> shift);
    EXPECT_EQ(read_all(wide), rows) << big;
    expect_refused(wide.substr(0, wide.size() - 1),
                   "t.csv is UTF-16 with half a character at its end; save it as text");
    expect_refused(wide.substr(2), "t.csv is no text: it holds a byte 0");
  }
  expect_refused("\xff\xfe\x00\xd8\x41\x00"s, "broken UTF-16 at byte 2");
}

TEST(Csv, NamesTheLine) {
  expect_refused("", "t.csv:1: the file is empty");
  expect_refused("\xef\xbb\xbf\n\n", "t.csv:1: the file is empty");
  expect_refused("a,b\n\"x\n\ny\",1\n2\n", "t.csv:5: 1 fields where the heading has 2");
  expect_refused("a,b\n1,2,3\n", "t.csv:2: 3 fields where the heading has 2");
  expect_refused("a,b\n1,\"say \"hi\"\"\n", "t.csv:2: \"hi\\\"\\\"\\n\" follows a cell in quotes");
  expect_refused("a,b\n\"1\n2\nx\" ,2\n", "t.csv:4: \" ,2\\n\" follows a cell in quotes");
  expect_refused("a,b\n1,\"2\n", "t.csv:2: the quote that opens \"2\\n\" is never closed");
  EXPECT_EQ(read_all("a\n5\" disk\n"), (Rows{{"a"}, {"5\" disk"}}));
  CsvReader csv("a,b,a\n1,x,0\n", "t.csv", {.advice = "write it again", .columns = {}});
  expect_error([&] { csv.column("a"); }, ExitCode::corrupt_data, {"t.csv:1: there are two columns \"a\"; write it"});
  expect_error([&] { csv.column("c"); }, ExitCode::corrupt_data, {"t.csv:1: \"a,b,a\" has no column \"c\"; write"});
  EXPECT_EQ(csv.column_of({"c", "b"}), 1u);
  expect_error(
      [&] {
        csv.column_of({"c", "d"});
      },
      ExitCode::corrupt_data, {"t.csv:1: \"a,b,a\" has no column \"c\"; write"});
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.number<int64_t>(0), 1);
  expect_error([&] { csv.number<int64_t>(1); }, ExitCode::corrupt_data, {"t.csv:2: b \"x\" is not a number"});
}

TEST(Csv, AListMayComeWithoutHeading) {
  const CsvForm form{.advice = "", .columns = {"path", "label", "split"}, .least = 2};
  const Rows rows{{"path", "label", "split"}, {"x.png", "cat", ""}, {"y.png", "dog", "test"}};
  EXPECT_EQ(read_all("x.png,cat\ny.png,dog,test\n", form), rows);
  EXPECT_EQ(read_all("path,label,split\nx.png,cat\ny.png,dog,test\n", form), rows);
  EXPECT_EQ(read_all("label,path\ncat,x.png\n", form), (Rows{{"label", "path"}, {"cat", "x.png"}}));
  expect_error([&] { read_all("x.png,cat\nx.png", form); }, ExitCode::corrupt_data, {"t.csv:2: 1 fields"});
}

TEST(Text, LinesEndInAnyWay) {
  EXPECT_EQ(text_lines("\xef\xbb\xbf"
                       "a\r\nb\rc\n\nd\n\n",
                       "t"),
            (Row{"a", "b", "c", "", "d"}));
  EXPECT_TRUE(text_lines("", "t").empty());
}

TEST(Text, NamesAreShownAsTheyAreOrQuoted) {
  EXPECT_EQ(legible("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(legible(" a"), "\" a\"");
  EXPECT_EQ(legible("a,b"), "\"a,b\"");
  for (const char* name : {"\x1b[2J", "\xe9", "a\nb", ""}) {
    EXPECT_EQ(legible(name).front(), '"') << name;
    for (const char c : legible(name)) EXPECT_TRUE(c >= ' ' && c < 0x7f) << name;
  }
  EXPECT_EQ(join_first({"a", "b", "c"}, 2), "a, b, ... (3)");
}

TEST(Text, TheNearestNames) {
  EXPECT_EQ(distance("abcd", "acbd"), 1);
  EXPECT_EQ(nearest("dgo", {"dag", "cat", "dog", "elephant"}), (Row{"dog", "dag"}));
  EXPECT_EQ(did_you_mean({"01", "02"}), "; did you mean 01 or 02?");
  EXPECT_EQ(did_you_mean({}), "");
  EXPECT_GT(distance(std::string(1 << 20, 'a'), "b"), 100);
}

}  // namespace
}  // namespace crc::test
