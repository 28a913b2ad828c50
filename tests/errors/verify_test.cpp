// Damage in the files of a run, and files that belong to another one: who reads them says so.
#include "apps/rundir/ledger.h"
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kVerifyRun =
    " --set run.device=cpu --set run.threads=1 --set data.name=street_digits --set data.train_size=200"
    " --set data.test_size=50 --set model.depth=10 --set model.width=1 --set model.first_stride=2 --set ssl.batch=4"
    " --set ssl.mu=1 --set ssl.epochs=2 --set ssl.steps_per_epoch=3 --set acquisition.budget=10"
    " --set acquisition.initial=10 --set acquisition.rounds=1 --quiet ";

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

// One finished run for all tests, and copies of it to be damaged.
class Verify : public Outside {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/crc-test-XXXXXX";
    whole = mkdtemp(name);
    const Outcome o = shell("exec " + kTrain + " run --out " + whole + "/run" + kVerifyRun);
    ASSERT_EQ(o.code, 0) << o.words;
  }
  static void TearDownTestSuite() { fs::remove_all(whole); }

  std::string copy(const std::string& name = "run") const {
    fs::copy(whole + "/run", folder + "/" + name, fs::copy_options::recursive);
    return folder + "/" + name;
  }
  void flip(const fs::path& file, size_t at) const {
    std::string text = read(file);
    text.at(at) = char(text.at(at) ^ 1);
    write(file, text);
  }
  void replace(const fs::path& file, const std::string& from, const std::string& to) const {
    std::string text = read(file);
    ASSERT_NE(text.find(from), std::string::npos) << from << " in " << file;
    write(file, text.replace(text.find(from), from.size(), to));
  }
  // As an earlier version, which kept no manifest and no copy of the index, left it.
  void make_old(const std::string& run) const {
    for (const char* name : {"manifest.json", "manifest-copy.json", "ckpt/index-copy.json"})
      fs::remove(fs::path(run) / name);
    replace(run + "/run.json", ",\n \"manifest\": 1", "");
    std::string index = read(run + "/ckpt/index.json");
    write(run + "/ckpt/index.json", index.substr(0, index.find(",\n \"saves\"")) + "\n}\n");
  }
  size_t checkpoints(const std::string& run) const {
    size_t count = 0;
    for (const auto& file : fs::directory_iterator(run + "/ckpt")) count += file.path().extension() == ".safetensors";
    return count;
  }
  std::string report(const std::string& run) const { return "report " + run + " --out " + folder + "/report"; }
  std::string start(const std::string& run) {
    return "run --out " + folder + "/next" + std::to_string(++started) + kVerifyRun + "--set start.run=" + run;
  }
  static inline std::string whole;
  int started = 0;
};

TEST_F(Verify, NamesEveryFileOfAWholeRun) {
  const std::string words = expect("verify " + whole + "/run", 0, " 0 damaged, 0 missing, 2 not covered");
  for (const char* page : {"log.txt", "report.html"})
    EXPECT_NE(words.find(std::string("not covered  ") + page + ": nothing is recorded about it\n"), std::string::npos);
  for (const char* name :
       {"manifest.json", "run.json", "config.toml", "labels.jsonl", "metrics.jsonl", "rounds.csv", "ckpt/index.json",
        "ckpt/round-00-step-000000006-2.safetensors", "rounds/00/weights.safetensors", "rounds/00/best.safetensors",
        "rounds/00/query.csv", "rounds/00/query.png", "rounds/00/scores.npz", "rounds/00/scores.json",
        "rounds/01/best.safetensors"})
    EXPECT_NE(words.find(std::string("ok           ") + name + "\n"), std::string::npos) << name << "\n" << words;
  expect("verify " + whole, 0, "/run\n");  // a directory of runs, as a demo's or a sweep's
  expect("verify " + folder, 66, "is neither a run's directory nor one of runs");
}

TEST_F(Verify, SaysWhatIsDamagedAndWhatToDo) {
  const std::string run = copy();
  flip(run + "/rounds/00/best.safetensors", 5000);
  flip(run + "/rounds/00/query.csv", 20);
  fs::remove(run + "/rounds/00/scores.npz");
  fs::remove(run + "/report.html");
  const std::string words = expect("verify " + run, 65, "2 damaged, 2 missing");
  for (const char* line :
       {"damaged      rounds/00/best.safetensors: was changed after the run wrote it", "(ckpt/) holds the same values",
        "damaged      rounds/00/query.csv", "nothing depends on it: manifest.json holds the items",
        "missing      rounds/00/scores.npz: is missing", "missing      report.html: crc_train resume"})
    EXPECT_NE(words.find(line), std::string::npos) << line << "\n" << words;
}

TEST_F(Verify, ADamagedFileIsRefusedByWhoeverUsesIt) {
  const std::string run = copy();
  flip(run + "/rounds/01/best.safetensors", 5000);  // of the newest round, with which a run starts
  expect(start(run), 65, "rounds/01/best.safetensors was changed after the run wrote it");
  expect("eval --weights " + run + "/rounds/01/best.safetensors --set data.name=street_digits", 65,
         "best.safetensors was changed");
  expect("export " + run + "/rounds/01/best.safetensors " + folder + "/x.safetensors", 65,
         "best.safetensors was changed");
  flip(run + "/rounds/00/scores.json", 20);
  expect(report(run), 65, "rounds/00/scores.json was changed");
}

TEST_F(Verify, AnotherRunsLedgerIsRefusedByEveryReader) {
  const std::string run = copy(), other = folder + "/other";
  expect("run --out " + other + kVerifyRun + "--set run.seed=1 --set acquisition.rounds=0", 0, "");
  expect("report " + run + " " + other + " --out " + folder + "/both", 0, "");
  fs::copy_file(other + "/labels.jsonl", run + "/labels.jsonl", fs::copy_options::overwrite_existing);
  for (const std::string& command : {report(run), start(run), "verify " + run}) expect(command, 65, "labels.jsonl");
  const std::string old = copy("old");
  make_old(old);
  expect(report(old), 0, "");
  fs::copy_file(other + "/labels.jsonl", old + "/labels.jsonl", fs::copy_options::overwrite_existing);
  for (const std::string& command : {report(old), start(old), "verify " + old})
    expect(command, 65, "labels.jsonl is not the ledger that round-00");
}

TEST_F(Verify, ARechainedLedgerAndAnEditedConfigurationAreRefusedByEveryReader) {
  for (const bool old : {false, true}) {
    const std::string run = copy(old ? "old" : "new");
    if (old) make_old(run);
    const std::vector<apps::Entry> labels = apps::load_ledger(run + "/labels.jsonl").entries;
    apps::Ledger edited = apps::Ledger::create(run + "/labels.jsonl", {});
    for (const apps::Entry& label : labels) {
      std::vector<apps::Answer> round;  // Ledger::record takes a round at a time
      for (const apps::Entry& each : labels)
        if (each.round == label.round)
          round.push_back({each.item, each.seq == 3 ? (each.class_index + 1) % 10 : each.class_index});
      edited.record(label.round, label.source, round);
    }
    for (const std::string& command : {report(run), start(run), "verify " + run}) expect(command, 65, "labels.jsonl");
    fs::copy_file(whole + "/run/labels.jsonl", run + "/labels.jsonl", fs::copy_options::overwrite_existing);
    replace(run + "/config.toml", "mu = 1", "mu = 2");
    for (const std::string& command : {report(run), start(run), "verify " + run}) expect(command, 65, "config.toml");
  }
}

TEST_F(Verify, ARunOfAnEarlierVersionGoesOn) {
  const std::string run = copy();
  make_old(run);
  std::string words = expect("verify " + run, 0, "not covered  rounds/00/best.safetensors: made by an earlier version");
  EXPECT_NE(words.find("ok           ckpt/round-00-step-000000006"), std::string::npos) << words;
  expect(start(run), 0, "");
  fs::remove(run + "/DONE");
  expect("resume " + run + " --quiet", 0, "");
  words = expect("verify " + run, 0, "ok           rounds/01/best.safetensors");  // what it wrote now
  EXPECT_NE(words.find("not covered  rounds/00/best.safetensors"), std::string::npos) << words;
}

TEST_F(Verify, AnEmptiedIndexNeverStartsOver) {
  const std::string run = copy();
  fs::remove(run + "/DONE");
  write(run + "/ckpt/index.json", "");
  expect("verify " + run, 65, "damaged      ckpt/index.json");
  std::string words = expect("resume " + run, 0, "index.json is damaged; ");
  EXPECT_EQ(words.find("training from scratch on 10 labels"), std::string::npos) << words;
  expect("verify " + run, 0, "ok           ckpt/index.json");
  for (const char* empty : {"", "{\"schema\":1,\"checkpoints\":[]}\n"}) {
    fs::remove(run + "/DONE");
    fs::remove(run + "/ckpt/index-copy.json");
    write(run + "/ckpt/index.json", empty);
    const std::string index = *empty ? "lists no checkpoint, but round-00-step-000000006" : "is damaged";
    expect("resume " + run + " --quiet", 65, index);
    EXPECT_EQ(checkpoints(run), checkpoints(whole + "/run"));
  }
}

TEST_F(Verify, AWrongCountInRoundsCsvIsNoInternalError) {
  const std::string run = copy();
  make_old(run);
  fs::remove(run + "/DONE");
  replace(run + "/rounds.csv", "\n0,10,", "\n0,11,");
  for (const std::string& command : {"resume " + run, report(run), start(run)})
    expect(command, 65, "says 11 labels in round 0, but labels.jsonl holds 10");
  replace(run + "/rounds.csv", "\n0,11,", "\n2,10,");
  expect("resume " + run, 65, "is round 2 where round 0 belongs");
}

TEST_F(Verify, DoneComesAfterTheReport) {
  const std::string run = copy();
  fs::remove(run + "/DONE");
  fs::remove(run + "/report.html");
  fs::create_directory(run + "/report.html");  // in the report's way
  EXPECT_NE(this->run("resume " + run + " --quiet").code, 0);
  EXPECT_FALSE(fs::exists(run + "/DONE"));
  fs::remove(run + "/report.html");
  expect("resume " + run + " --quiet", 0, "");
  EXPECT_TRUE(fs::exists(run + "/DONE"));
  EXPECT_NE(read(run + "/report.html").find(">done<"), std::string::npos);
  fs::remove(run + "/report.html");  // as if killed by an earlier version
  write(run + "/.report.html.tmp.2000000000.1", "half");
  expect("resume " + run, 0, "is done already");
  EXPECT_TRUE(fs::exists(run + "/report.html"));
  EXPECT_FALSE(fs::exists(run + "/.report.html.tmp.2000000000.1"));
}

TEST_F(Verify, ResumingAtTheEndOfARoundAddsNoCheckpoint) {
  const std::string run = copy();
  for (int again = 0; again < 3; ++again) {
    fs::remove(run + "/DONE");
    expect("resume " + run + " --quiet", 0, "");
  }
  EXPECT_EQ(checkpoints(run), checkpoints(whole + "/run"));
  EXPECT_EQ(read(run + "/ckpt/index.json"), read(whole + "/run/ckpt/index.json"));
}

TEST_F(Verify, ARunThatIsGoingOnIsNotDamaged) {
  const std::string run = folder + "/live";
  Background live("run --out " + run + kVerifyRun + "--set acquisition.rounds=6 --set ssl.epochs=4");
  int read_while_running = 0;
  for (int look = 0; look < 400 && !fs::exists(run + "/DONE"); ++look) {
    if (!fs::exists(run + "/run.json")) {
      usleep(10000);
      continue;
    }
    expect("verify " + run, 0, "");
    expect(report(run), 0, "");
    ++read_while_running;
  }
  EXPECT_EQ(live.after(0, 0), 0);
  EXPECT_GT(read_while_running, 0);
}

TEST_F(Verify, DamageIsNoticedEverywhere) {
  const Outcome o = shell("exec " CRC_SOURCE_DIR "/tests/campaigns/damage.sh " + kTrain + " 1");
  EXPECT_EQ(o.code, 0) << o.words;
}

}  // namespace
}  // namespace crc::test
