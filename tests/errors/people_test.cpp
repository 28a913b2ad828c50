// What a newcomer ran into: words that led astray, files that could not come back, outputs among the inputs.

#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

using ForPeople = WaitingRun;

TEST_F(ForPeople, TheHelpOfACommandShowsItsOwnExamples) {
  for (const char* command : {"data", "demo", "doctor", "eval", "export", "init", "label", "list", "predict",
                              "rank-barrier", "report", "resume", "run", "sweep", "verify"}) {
    const std::string said = expect(std::string(command) + " --help", 0, "Examples\n  crc_train ");
    const std::string examples = said.substr(said.find("Examples\n") + 9);
    std::istringstream lines(examples);
    int count = 0;
    for (std::string line; std::getline(lines, line) && !line.empty(); ++count)
      EXPECT_TRUE(line.starts_with("  crc_train " + std::string(command))) << command << ": " << line;
    EXPECT_GE(count, 2) << command;
  }
  expect("--help", 0, "crc_train demo  ");
}

TEST_F(ForPeople, ResumeNamesWhatIsStillOpen) {
  wait({"cat", "dog", "cow", "pig"}, [](int64_t at) { return std::to_string(at) + ".png"; });
  expect("resume " + at_ + " --quiet", 10,
         "item " + std::to_string(query[0]) + " has no label (nor have 5 more of the 6 asked); open ");
  label("item,class\n" + std::to_string(query[0]) + ",cat\n" + std::to_string(query[2]) + ",unsure\n", 10, "");
  expect("resume " + at_ + " --quiet", 10, "item " + std::to_string(query[1]) + " has no label (nor have 3 more");
}

// Of two images with one stem FiftyOne would make one.
TEST_F(ForPeople, NamesThatAToolCannotGiveBackAreRefusedAtTheExport) {
  wait({"cat", "dog", "cow", "pig"},
       [](int64_t at) { return "p" + std::to_string(at / 2) + (at % 2 ? ".PNG" : ".png"); });
  const std::string out = folder + "/tasks";
  expect("label " + at_ + " --export fiftyone --out " + out, 64, "have one name without its extension");
  EXPECT_FALSE(fs::exists(out));
  for (const char* tool : {"cvat", "csv", "label-studio"})
    expect("label " + at_ + " --export " + tool + " --out " + out + tool, 0, out + tool);
  expect("label " + at_ + " --export csv --out " + folder + "/data/tasks.csv", 64, "which is an input");
  EXPECT_FALSE(fs::exists(folder + "/data/tasks.csv"));
}

TEST_F(ForPeople, NamesThatAreNotUtf8GoByTheirNumber) {
  wait({"cat", "dog", "cow", "pig"}, [](int64_t at) { return "caf\xe9 " + std::to_string(at) + ".png"; });
  const std::string out = folder + "/tasks";
  for (const char* tool : {"cvat", "fiftyone"})
    expect("label " + at_ + " --export " + tool + " --out " + out, 64, "is not UTF-8");
  expect("label " + at_ + " --export label-studio --out " + out + ".json", 0, "");
  EXPECT_EQ(read(out + ".json").find("\"file\""), std::string::npos);
  expect("label " + at_ + " --export csv --out " + out + ".csv", 0, "");
  const std::string table = read(out + ".csv");
  EXPECT_EQ(table.find("caf"), std::string::npos) << table;
  expect("label " + at_ + " --import " + out + ".csv --skip-rest", 0, "6 items closed");
}

TEST_F(ForPeople, NothingIsWrittenAmongTheImages) {
  for (int64_t i = 0; i < 12; ++i) png(folder + "/photos/" + std::to_string(i) + ".png", i);
  expect("init " + folder + "/photos --classes a,b --hours 0.01 --out " + folder + "/photos/a.toml", 64,
         "which is an input");
  EXPECT_FALSE(fs::exists(folder + "/photos/a.toml"));
}

TEST_F(ForPeople, QuietIsQuiet) {
  wait({"cat", "dog", "cow", "pig"}, [](int64_t at) { return std::to_string(at) + ".png"; });
  const Outcome o = run("predict " + at_ + " " + folder + "/data --out " + folder + "/p.csv --set run.device=cpu -q");
  EXPECT_EQ(o.code, 0) << o.words;
  EXPECT_EQ(o.words, "");
  EXPECT_TRUE(fs::exists(folder + "/p.csv"));
}

// With no test images the held-out ones are what eval tests on; without those it says what would help.
TEST_F(ForPeople, EvalTestsOnWhatThereIs) {
  const std::string data = folder + "/data/";
  for (int64_t i = 0, count = 0; count < 60; ++i)
    if (digit(i) < 2) png(data + (digit(i) ? "one/" : "zero/") + std::to_string(count++) + ".png", i);
  const std::string start = "run demo" + run_on(folder + "/data") + "--set acquisition.rounds=0 --out " + folder;
  expect(start + "/held --set data.validation_size=12", 0, "");
  const std::string said = expect("eval --run " + folder + "/held", 0, "images             12");
  EXPECT_NE(said.find("held-out ones (data.validation_size)"), said.npos) << said;
  expect("eval --run " + folder + "/held --split validation", 0, "images             12");
  expect(start + "/none", 0, "");
  expect("eval --run " + folder + "/none", 66, "eval.cross_validation");
}

TEST_F(ForPeople, CrossValidationEstimatesWithAnInterval) {
  const std::string data = folder + "/data/";
  for (int64_t i = 0, count = 0; count < 60; ++i)
    if (digit(i) < 2) png(data + (digit(i) ? "one/" : "zero/") + std::to_string(count++) + ".png", i);
  const std::string start = "run demo" + run_on(folder + "/data") + "--set acquisition.first=random --out " + folder;
  const std::string few = " --set acquisition.initial=8 --set eval.cross_validation=";
  expect(start + "/refused" + few + "5", 78, "each part needs a label of every class");
  expect(start + "/refused" + few + "1", 78, "nothing would be left to train on");
  EXPECT_FALSE(fs::exists(folder + "/refused"));
  expect("run demo --dry-run" + run_on(folder + "/data") + "--set acquisition.first=random" + few + "4", 0,
         "cross-validation trains each of them 4 times more");
  expect(start + "/cv" + few + "4", 0, "");
  const std::string rounds = read(folder + "/cv/rounds.csv");
  EXPECT_NE(rounds.find(",query_s,acc_cv,acc_cv_low,acc_cv_high\n"), std::string::npos) << rounds;
  EXPECT_NE(read(folder + "/cv/report.html").find("Cross-validated accuracy"), std::string::npos);
  // A part that was done before a kill is not trained again: its result is believed.
  const std::string file = folder + "/cv/rounds/01/folds.json", parts = read(file);
  EXPECT_EQ(std::count(parts.begin(), parts.end(), '{'), 5) << parts;
  fs::remove(folder + "/cv/DONE");
  const auto last_of = [](const std::string& csv) { return csv.substr(csv.rfind('\n', csv.size() - 2) + 1); };
  const std::string before = last_of(rounds);
  expect("resume " + folder + "/cv --quiet", 0, "");
  EXPECT_EQ(last_of(read(folder + "/cv/rounds.csv")).substr(0, 5), before.substr(0, 5));
  EXPECT_EQ(read(file), parts);
  expect("verify " + folder + "/cv", 0, "folds.json");
  // Without it rounds.csv is what it always was.
  expect(start + "/plain --set acquisition.initial=8", 0, "");
  EXPECT_EQ(read(folder + "/plain/rounds.csv").find("acc_cv"), std::string::npos);
  EXPECT_EQ(read(folder + "/plain/rounds/01/weights.safetensors"), read(folder + "/cv/rounds/01/weights.safetensors"));
}

}  // namespace
}  // namespace crc::test
