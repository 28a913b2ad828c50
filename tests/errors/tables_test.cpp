// crc_select's lists and picks from outside: what it writes it reads, whatever the names; what spreadsheets and old
// NumPys write is understood.
#include "data/csv.h"
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

class Tables : public SelectFixture {};

TEST_F(Tables, PicksWithAwkwardNamesAreAListAgain) {
  std::vector<std::string> names;
  std::string list = "\xef\xbb\xbf";
  for (int64_t i = 0; i < kItems; ++i) {
    const char* endings[] = {"say \"hi\"", "=1+1", "-2", "@x", "a,b;c", "'=", "caf\xc3\xa9"};
    names.push_back(endings[i % 7] + std::string(i / 7, '_') + ".png");
    list += names.back() + "\r\n";
  }
  write_text("names.txt", list);
  expect("--features h.npy --budget 20 --labeled l.npy --images names.txt --out a.csv", 0, "wrote a.csv");
  const std::string text = read("a.csv");
  for (const char* cell : {",=", ",-2", ",@", "\n=", ",\"="}) EXPECT_EQ(text.find(cell), text.npos) << cell << text;
  data::CsvReader csv(text, "a.csv");
  const size_t item = csv.column("item"), file = csv.column("file");
  int rows = 0;
  for (; csv.next(); ++rows) EXPECT_EQ(csv[file], names[csv.number<size_t>(item)]);
  EXPECT_EQ(rows, 20);
  expect("--features h.npy --budget 20 --labeled l.npy a.csv --round 1 --out b.csv", 0, "wrote b.csv");
}

TEST_F(Tables, ListsComeInWhateverFormSpreadsheetsWrite) {
  const std::string at = "--features h.npy --budget 4 --group 2 --classes 4 ";
  const std::string expected = selected(at + "--labeled l.npy");
  std::string wide = "\xff\xfe";
  for (const char c : std::string("item\tname\r\n3\ta,b\r\n1\t\r\n40\tx\r\n")) wide += {c, '\0'};
  write_text("wide.csv", wide);
  write_text("marked.csv", "\xef\xbb\xbfitem;name\r\n3;x\r\n1;\"two\nlines\"\r\n40;y\r\n;\r\n");
  write_text("marked.txt",
             "\xef\xbb\xbf"
             "3\r1\r40\r");
  write_text("lines.csv", "name,item\n\"two\n\n7,lines\",3\nx,1\ny,40\n");
  for (const char* name : {"wide.csv", "marked.csv", "marked.txt", "lines.csv"})
    EXPECT_EQ(selected(at + "--labeled " + name), expected) << name;
  const auto list = [&](const std::string& name, const std::string& words) {
    expect(at + "--out no.csv --labeled " + name, 65, words);
  };
  write_text("far.csv", "name,item\n\"two\nlines\",3\ny,60\n");
  list("far.csv", "far.csv: line 4: item 60 is outside");
  write_text("twice.csv", "item,item\n1,2\n");
  list("twice.csv", "twice.csv:1: there are two columns \"item\"");
  write_text("open.csv", "item,file\n1,\"x\n2,y\n");
  list("open.csv", "open.csv:2: the quote that opens \"x\\n2,y\\n\" is never closed");
  write_text("short.csv", "item,file\n1\n");
  list("short.csv", "short.csv:2: 1 fields where the heading has 2");
}

TEST_F(Tables, ArraysOfPython2AreRead) {
  const std::string at = "--features h.npy --budget 4 --group 2 --classes 4 ";
  const std::string expected = selected(at + "--labeled l.npy");
  write_raw("l2.npy", "'<i8'", "False", "(3L,)", std::vector<int64_t>{3, 1, 40});
  write_raw("h2.npy", "'<f4'", "False", "(60L, 7L)", features);
  EXPECT_EQ(selected("--features h2.npy --budget 4 --group 2 --classes 4 --labeled l2.npy"), expected);
  write_raw("bad.npy", "'<i8'", "False", "(3LL,)", std::vector<int64_t>{3, 1, 40});
  expect(at + "--out no.csv --labeled bad.npy", 65, "expected ','");
}

}  // namespace
}  // namespace crc::test
