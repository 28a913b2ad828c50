// crc_select from outside: what is wrong is named, and nothing is written.
#include <cmath>

#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

class SelectRefusals : public SelectFixture {
 protected:
  void refuses(const std::string& arguments, int code, const std::string& words) const {
    expect(arguments + " --out o.csv", code, words);
    EXPECT_FALSE(exists("o.csv")) << arguments;
  }
};

TEST_F(SelectRefusals, ArraysOfAnotherKind) {
  const std::vector<uint8_t> bytes(size_t(kItems * kWidth * 8), 0);
  const auto payload = [&](size_t n) { return std::vector<uint8_t>(bytes.begin(), bytes.begin() + n); };
  const struct {
    const char *descr, *shape, *words;
    size_t payload;
  } arrays[] = {
      {"'|O'", "(60,)", "x.npy holds Python objects (descr \"|O\"); floats of 16, 32 or 64 bits", 300},
      {"'<c8'", "(30, 7)", "x.npy holds complex numbers", 1680},
      {"'<U5'", "(60,)", "x.npy holds text", 1200},
      {"[('x', '<f4'), ('y', '<f4')]", "(60,)", "x.npy holds records", 480},
      {"'|V2'", "(60, 7)", "x.npy holds raw bytes", 840},
      {"'>f4'", "(60, 7)", "big-endian numbers (descr \">f4\"); floats of 16, 32 or 64 bits, integers and booleans",
       1680},
      {"'<i8'", "(60, 7)", "x.npy holds [60,7] <i8; features are floats [items,columns]: convert it with", 3360},
      {"'<f4'", "(60,)", "x.npy holds [60] <f4; features are floats [items,columns]: one row per item is needed", 240},
      {"'<f4'", "(60, 7, 1)", "[60,7,1] <f4; features are floats [items,columns]: flatten each item", 1680},
      {"'<f4'", "()", "[] <f4; features are floats", 4},
      {"'<f4'", "(0, 7)", "[0,7] <f4; features are floats [items,columns]: there is nothing to choose from", 0},
      {"'<f4'", "(60, 0)", "its rows are empty", 0},
      {"'<f4'", "(60, 7)", "found 1679 bytes of elements, expected 1680, as the header's shape says", 1679},
  };
  for (const auto& [descr, shape, words, count] : arrays) {
    write_raw("x.npy", descr, "False", shape, payload(count));
    refuses("--features x.npy --budget 5", 65, words);
  }
  write_raw("long.npy", "'<f4'", "False", "(2, 4)", payload(32));
  refuses("--features h.npy --logits long.npy --budget 5", 65, "h.npy has 60 rows and long.npy has 2; row i of both");
  write_text("cut.npy", read("h.npy").substr(0, 60));
  refuses("--features cut.npy --budget 5", 65, "cut.npy: byte 8: found a header of 118 bytes");
  write_text("x.npz", "PK\3\4 and so on");
  refuses("--features x.npz --budget 5", 65, "x.npz is a ZIP archive, as numpy.savez and torch.save write them");
  write_text("text.npy", "0.5 0.25 0.125\n");
  refuses("--features text.npy --budget 5", 65, "expected the signature \\x93NUMPY");
  refuses("--features none.npy --budget 5", 66, "reading none.npy: No such file or directory");
  refuses("--features . --budget 5", 66, "is a folder");
  refuses("--budget 5", 64, "give --features, --logits or --samples, one row per item");
}

TEST_F(SelectRefusals, NumbersThatAreNotFinite) {
  std::vector<float> bad = features;
  bad[11 * kWidth + 4] = NAN;
  write<float>("nan.npy", bad, {kItems, kWidth});
  refuses("--features nan.npy --budget 5", 76, "features of item 11 are not finite: column 4");
  std::vector<uint16_t> halves(size_t(kItems * kWidth), 0x3c00);
  halves[20 * kWidth] = 0x7c00;
  write_raw("inf.npy", "'<f2'", "False", "(60, 7)", halves);
  refuses("--features inf.npy --budget 5", 76, "features of item 20 are not finite: column 0 is inf");
  write<float>("p.npy", std::vector<float>(size_t(kItems * 4), INFINITY), {kItems, 4});
  refuses("--logits p.npy --budget 5 --acquisition margin", 76, "logits of item 0 are not finite");
}

TEST_F(SelectRefusals, ListsThatDoNotFit) {
  const auto list = [&](const std::string& name, const std::string& words, int code = 65) {
    refuses("--features h.npy --budget 5 --labeled " + name, code, words);
  };
  const std::string range = "items are row numbers from 0 to 59";
  write<int64_t>("far.npy", {3, 60}, {2});
  list("far.npy", "far.npy: element 1: item 60 is outside the rows; " + range);
  write<int64_t>("negative.npy", {-1}, {1});
  list("negative.npy", "negative.npy: element 0: item -1 is negative; " + range);
  write_raw("huge.npy", "'<u8'", "False", "(1,)", std::vector<uint64_t>{~0ull});
  list("huge.npy", "huge.npy: element 0: item 9223372036854775807 is outside");
  write<int32_t>("twice.npy", {7, 3, 7}, {3});
  list("twice.npy", "twice.npy: element 2: item 7 is there twice; list every item once");
  list("l.npy twice.npy", "twice.npy: element 1: item 3 is there twice, first in l.npy; list every item once");
  write<uint8_t>("zeros.npy", std::vector<uint8_t>(size_t(kItems), 0), {kItems});
  list("zeros.npy", "item 0 is there twice; list every item once (a mask is an array of type bool)");
  write_raw("mask.npy", "'|b1'", "False", "(59,)", std::vector<uint8_t>(59, 1));
  list("mask.npy", "mask.npy is a mask of 59 booleans for 60 items");
  write_raw("bad.npy", "'|b1'", "False", "(3,)", std::vector<uint8_t>{0, 1, 2});
  list("bad.npy", "found boolean 2, expected 0 or 1");
  write<double>("floats.npy", {1, 2}, {2});
  list("floats.npy", "floats.npy holds [2] <f8; item numbers are integers [n] or a mask of booleans [items]: convert");
  write<int64_t>("column.npy", {1, 2}, {2, 1});
  list("column.npy", "flatten it with array.ravel()");
  write_text("words.txt", "3\nfour\n");
  list("words.txt", "words.txt: line 2 is \"four\"; one item number a line is expected");
  write_text("savetxt.txt", "3.000000000000000000e+00\n");
  list("savetxt.txt", "numpy.savetxt(file, items, fmt=\"%d\")");
  write_text("no.csv", "item,class\n3,1\n61,0\n");
  list("no.csv", "no.csv: line 3: item 61 is outside");
  write_text("wrong.csv", "item,class\nx,1\n");
  list("wrong.csv", "wrong.csv:2: item \"x\" is not a number");
  write_text("empty.txt", "\n");
  list("empty.txt", "empty.txt is empty; leave the option out");
  write_text("labels.jsonl", "{\"seq\":0}\n");
  list("labels.jsonl", "labels.jsonl: line 1 has no integer");
  write_text("binary", std::string("\x80\4\0\1", 4));
  list("binary", "binary is neither an .npy array, nor text, nor a ledger");
  list("gone.npy", "reading gone.npy: No such file or directory", 66);
  list(".", "labels.jsonl", 65);  // of this folder
  refuses("--features h.npy --budget 5 --labeled l.npy --unlabeled l.npy", 78, "item 1 is both labeled and unlabeled");
}

TEST_F(SelectRefusals, RequestsThatCannotBeMet) {
  const std::string crc = "--features h.npy --labeled l.npy ";
  expect("--features h.npy --out o.csv", 64, "--budget is required");
  refuses(crc + "--budget x", 64, "see crc_select --help");
  refuses(crc + "--budget 5 --classes 0", 64, "--classes");
  refuses(crc + "--budget 5 --draws -1", 64, "--draws");
  refuses(crc + "--budget 5 --search independent --draws 1000000000000", 71, "draw at most");
  refuses(crc + "--budget 58", 78, "budget 58 with 57 unlabeled items; choose a budget from 1 to 57");
  refuses(crc + "--budget 0", 78, "budget 0 with 57 unlabeled items");
  refuses(crc + "--budget 5 --group 2", 78, "group size 2 does not divide the budget 5");
  refuses(crc + "--budget 5 --acquisition margin", 78, "acquisition \"margin\" needs logits, and none were given");
  refuses("--logits p.npy --budget 5", 78, "acquisition \"crc\" needs features, and none were given");
  refuses(crc + "--budget 5 --acquisition crcc", 78, "acquisition \"crcc\" is not known; use one of random, entropy");
  refuses(crc + "--budget 5 --search best", 64, "best is not one of partition, independent");
  refuses(crc + "--budget 5 --solver syev", 64, "did you mean syevd");
  write<int64_t>("g.npy", {5, 6, 7, 8}, {2, 2});
  refuses(crc + "--budget 6 --candidates g.npy", 78, "only 2 of the 3 groups that the budget 6 needs are disjoint");
  write<int64_t>("far.npy", {5, 6, 7, 60}, {2, 2});
  refuses(crc + "--budget 2 --candidates far.npy", 65, "far.npy: group 1: item 60 is outside the rows");
  write<int64_t>("labelled.npy", {5, 6, 7, 40}, {2, 2});
  refuses(crc + "--budget 2 --candidates labelled.npy", 78, "candidate group 1: item 40 is not in the unlabeled list");
  refuses(crc + "--budget 2 --candidates l.npy", 65, "l.npy holds [3] <i8; candidate groups are integers [groups,G]");
}

TEST_F(SelectRefusals, OutputsAreNotReplacedUnasked) {
  const std::string command = "--features h.npy --labeled l.npy --budget 2 --out o.csv";
  expect(command, 0, "");
  const std::string before = read("o.csv");
  expect(command + " --seed 9", 73, "o.csv exists; name another file, or give --force to replace it");
  EXPECT_EQ(read("o.csv"), before);
  expect(command + " --seed 9 --force", 0, "");
  const std::string other = "--features h.npy --labeled l.npy --budget 2 --out a.csv ";
  for (const char* option : {"--scores o.csv", "--groups o.csv", "--images h.npy --sheet o.csv"})
    expect(other + option, 73, "o.csv exists");
  write_text("s.html", "");
  expect(other + "--summary s.html", 73, "s.html exists");
  expect("--features h.npy --labeled l.npy --budget 2 --out no/o.csv", 73, "no is not a folder; create it first");
  expect(other + "--scores a.csv", 64, "a.csv is named for two outputs");
  expect(other + "--scores h.npy --force", 64, "h.npy is an input");
  expect(other + "--summary a.md", 64, "name a file that ends in .html");
  expect(other + "--sheet a.png", 64, "--sheet needs --images");
  expect(other + "--images none.txt --sheet a.png", 66, "none.txt");
  EXPECT_FALSE(exists("a.csv"));
  EXPECT_EQ(read("h.npy").size(), 128 + features.size() * sizeof(float));
}

TEST_F(SelectRefusals, AFullDiskLeavesNoHalfFile) {
  const std::string arguments =
      program("--features h.npy --labeled l.npy --budget 2 --force --out o.csv --scores s.npy --summary a.html");
  for (int k = 1; k <= 3; ++k) {
    const std::string fault = "cd " + folder + "; CRC_FAULT=write:" + std::to_string(k) + ":enospc exec" + arguments;
    const Outcome o = shell(fault);
    EXPECT_EQ(o.code, 74) << o.words;
    EXPECT_NE(o.words.find("No space left on device; free some space and run again"), std::string::npos) << o.words;
    EXPECT_EQ(exists("o.csv"), k > 1);
    EXPECT_EQ(exists("s.npy"), k > 2);
    EXPECT_FALSE(exists("a.html"));
    for (const auto& entry : fs::directory_iterator(folder))
      EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
  }
  expect("--features h.npy --labeled l.npy --budget 2 --force --out o.csv --scores s.npy --summary a.html", 0, "");
}

}  // namespace
}  // namespace crc::test
