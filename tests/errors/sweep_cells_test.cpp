// The cells of a sweep: each is the run it is said to be, in a directory of its own; whoever is killed or comes twice
// harms none.
#include <functional>
#include <regex>
#include <set>

#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kHead = R"(schema = 1
[run]
device = "cpu"
threads = 1
[data]
name = "street_digits"
train_size = 200
test_size = 50
[model]
depth = 10
width = 1
base_channels = 2
first_stride = 2
[ssl]
batch = 4
mu = 1
epochs = 1
steps_per_epoch = 2
[acquisition]
initial = 10
budget = 10
group_size = 5
rounds = 1
[sweep]
controls = []
title = "Cells"
trials = 1
)";

std::string block(const std::string& name, const std::vector<std::pair<std::string, std::string>>& methods) {
  std::string text = "[[sweep.block]]\nname = \"" + name + "\"\n";
  for (const auto& [method, acquisition] : methods)
    text += "[[sweep.block.method]]\nname = \"" + method + "\"\nset = [\"acquisition.name=" + acquisition + "\"]\n";
  return text;
}

class SweepCells : public Outside {
 protected:
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder + "/" + name) << text; }
  std::string command(const std::string& more = "") const {
    return "sweep " + folder + "/r.toml --quiet --out " + folder + "/s " + more;
  }
  void two_methods() const { write("r.toml", kHead + block("", {{"A", "random"}, {"B", "entropy"}})); }
  // One that trains for a minute or more, unless it is stopped.
  std::string slow() const { return command("--set ssl.epochs=400 --set ssl.steps_per_epoch=60"); }
  std::set<std::string> entries(const std::string& of) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder + "/" + of)) names.insert(entry.path().filename().string());
    return names;
  }
  bool await(const std::function<bool()>& condition) const {
    for (int i = 0; i < 4000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return condition();
  }
  bool trains(const std::string& run) const {
    const fs::path metrics = folder + "/" + run + "/metrics.jsonl";
    return await([&] { return fs::exists(metrics) && fs::file_size(metrics) > 0; });
  }
  std::string acquisition(const std::string& cell) const {
    const std::string config = read(folder + "/s/" + cell + "/config.toml");
    const size_t at = config.find("\nname = ", config.find("[acquisition]")) + 9;
    return config.substr(at, config.find('"', at) - at);
  }
};

TEST_F(SweepCells, NamesThatComeToTheSameGetDirectoriesOfTheirOwn) {
  write("r.toml", kHead + block("λ=0.1", {{"CRC", "crc"}, {"CRC+", "random"}}) + block("λ=01", {{"CRC", "entropy"}}) +
                      block("μ", {{"α", "margin"}, {"β", "badge"}}));
  expect(command(), 0, "| CRC+ |");
  std::set<std::string> cells, acquisitions;
  for (const std::string& name : entries("s"))
    if (fs::exists(folder + "/s/" + name + "/DONE")) {
      cells.insert(name);
      EXPECT_TRUE(acquisitions.insert(acquisition(name)).second) << name;
    }
  EXPECT_EQ(cells.size(), 5u);
  EXPECT_EQ(acquisitions, (std::set<std::string>{"crc", "random", "entropy", "margin", "badge"}));
  EXPECT_EQ(acquisition("01-crc-t0"), "crc");  // the first keeps the name that it had
  int figures = 0;
  for (const std::string& name : entries("s/figures")) figures += name.find("accuracy") != std::string::npos;
  EXPECT_EQ(figures, 3);
  // The same again finds all, whatever processes it would train them in.
  expect(command("--together 4"), 0, "");
  EXPECT_EQ(expect("sweep " + folder + "/r.toml --out " + folder + "/s --dry-run", 0, ", done")
                .find("labels; up to 2 rounds of 1 x 2 steps\n"),
            std::string::npos);
}

TEST_F(SweepCells, ANameOfNoLetterAndALongOneAreDirectoriesToo) {
  write("r.toml", kHead + block("", {{"λ", "random"}, {std::string(300, 'a'), "entropy"}}));
  expect(command("--together 2"), 0, "");
  EXPECT_TRUE(fs::exists(folder + "/s/-t0/DONE"));
}

TEST_F(SweepCells, ARecipeSaysHowItsTrialsAreCalled) {
  two_methods();
  write("r.toml",
        std::regex_replace(read(folder + "/r.toml"), std::regex("trials = 1"), "trials = 1\ntrial = \"seed\""));
  EXPECT_NE(expect(command("--dry-run"), 0, " a-seed0 ").find(" b-seed0 "), std::string::npos);
  write("r.toml", std::regex_replace(read(folder + "/r.toml"), std::regex("\"seed\""), "\"s/0\""));
  expect(command("--dry-run"), 78, "trial = \"s/0\" must be one to twenty letters from a to z");
}

TEST_F(SweepCells, AnotherRunInACellsPlaceIsNotUsed) {
  two_methods();
  expect(command(), 0, "");
  fs::rename(folder + "/s/a-t0", folder + "/s/x");
  fs::rename(folder + "/s/b-t0", folder + "/s/a-t0");
  fs::rename(folder + "/s/x", folder + "/s/b-t0");
  const std::string words = expect(command(), 65, "s/a-t0 holds another run than the one that belongs there");
  EXPECT_NE(words.find("acquisition.name: \"random\", was \"entropy\""), std::string::npos) << words;
  expect("report " + folder + "/s", 65, "a-t0 holds another run");
  expect("sweep --out " + folder + "/s --cell a-t0", 65, "a-t0 holds another run");
}

TEST_F(SweepCells, ATrialOfAnotherPoolIsNotUsed) {
  two_methods();
  expect(command("--pools 2 --only pool"), 0, "");
  for (const auto& [cell, settings] : {std::pair("a-t0", "random --set start.run=" + folder + "/s/pool-0"),
                                       {"b-t0", "entropy --set start.run=" + folder + "/s/pool-1"}})
    expect("run " + folder + "/s/recipe.toml --quiet --out " + folder + "/s/" + cell +
               " --set acquisition.name=" + settings,
           0, "");
  // One of the two is the median, from which both must start.
  const std::string words = expect(command("--pools 2"), 65, "start.run: \"" + folder + "/s/pool-");
  const bool first = words.find("/s/b-t0 holds another run") != words.npos;  // a's is the right one
  EXPECT_NE(words.find(first ? "/s/b-t0 holds another run" : "/s/a-t0 holds another run"), std::string::npos) << words;
  fs::remove_all(folder + (first ? "/s/b-t0" : "/s/a-t0"));
  expect(command("--pools 2"), 0, "");
  fs::rename(folder + "/s", folder + "/moved");  // where the pool lies does not count
  expect("report " + folder + "/moved", 0, "report.html");
}

TEST_F(SweepCells, OnlySettingsOfThePlaceMayChange) {
  two_methods();
  expect(command("--only a-"), 0, "");
  expect(command("--set run.threads=2 --set report.interval=5"), 0, "");
  expect(command("--set ssl.lr=0.1"), 73,
         "holds a sweep with another recipe or other settings (--set: not given there, ssl.lr=0.1 now)");
  EXPECT_NE(read(folder + "/s/b-t0/config.toml").find("threads = 2 "), std::string::npos);
}

TEST_F(SweepCells, ACreationKilledAtAnyCallIsCompleted) {
  two_methods();
  for (int call = 1;; ++call) {
    fs::remove_all(folder + "/s");
    const std::string make = command("--slurm " + folder + "/job" + std::to_string(call));
    const Outcome killed = shell("CRC_FAULT=any:" + std::to_string(call) + ":kill exec " + kTrain + " " + make);
    if (killed.code == 0) {
      EXPECT_GT(call, 10);
      break;
    }
    ASSERT_EQ(killed.code, 128 + SIGKILL) << killed.words;
    expect("sweep " + folder + "/r.toml --out " + folder + "/s --slurm " + folder + "/again" + std::to_string(call), 0,
           "2 runs");
    EXPECT_EQ(entries("s"), (std::set<std::string>{".lock", "recipe.toml", "sweep.json"})) << call;
  }
  // What somebody else called recipe.toml is not taken for ours.
  fs::create_directories(folder + "/own");
  write("own/recipe.toml", "mine");
  expect("sweep " + folder + "/r.toml --out " + folder + "/own --slurm " + folder + "/j", 73,
         "is not empty and no sweep");
  EXPECT_EQ(read(folder + "/own/recipe.toml"), "mine");
  EXPECT_FALSE(fs::exists(folder + "/own/.lock"));
}

TEST_F(SweepCells, OneSweepAtATimeAndItsCellsBeside) {
  two_methods();
  Background first(slow());
  ASSERT_TRUE(trains("s/a-t0"));
  expect(slow(), 73, "/s is in use by process ");
  expect(slow() + " --together 2", 73, "wait for it to end, stop it");
  Background beside("sweep --quiet --out " + folder + "/s --cell b-t0");  // as a Slurm task
  EXPECT_TRUE(trains("s/b-t0"));
  EXPECT_EQ(beside.after(0, SIGTERM), 75);
  EXPECT_EQ(first.after(0, SIGTERM), 75);
}

TEST_F(SweepCells, ARestartRightAfterAKillTakesItsRunsOver) {
  two_methods();
  for (const char* together : {" --jobs 2", " --together 2"}) {
    fs::remove_all(folder + "/s");
    Background(slow() + together).after(20, SIGKILL);  // before it has begun
    Background begun(slow() + together);
    ASSERT_TRUE(trains("s/a-t0"));
    begun.after(0, SIGKILL);
    const Outcome next = shell("timeout -s INT 3 " + kTrain + " " + slow() + together);
    EXPECT_EQ(next.code, 124) << next.words;  // it went on with them, until it was stopped
    EXPECT_EQ(next.words.find("failed with"), std::string::npos) << next.words;
  }
  EXPECT_TRUE(entries("s").count("sweep.json"));
  for (const std::string& name : entries("s")) {
    EXPECT_FALSE(name.ends_with(".err")) << name;
    EXPECT_EQ(name.find(".tmp."), std::string::npos) << name;
  }
}

TEST_F(SweepCells, TheTimeLeftIsThatOfTheWorkToDo) {
  write("r.toml", kHead + block("", {{"A", "random"}, {"B", "entropy"}, {"C", "crc"}}));
  const std::string steps = " --set ssl.epochs=6 --set ssl.steps_per_epoch=60 --set report.interval=0.1";
  expect(command(steps + " --only a-"), 0, "");
  const std::string words =
      expect("sweep " + folder + "/r.toml --out " + folder + "/s" + steps, 0, "1 of 3 runs");  // from the first line on
  double before = 0;
  int lines = 0, lefts = 0;
  const std::regex line("trial \\| ([0-9.]+)%(.*)");
  for (std::sregex_iterator it(words.begin(), words.end(), line); it != std::sregex_iterator(); ++it, ++lines) {
    const double percent = std::stod((*it)[1]);
    EXPECT_GE(percent, std::max(before, 33.3)) << words;
    before = percent;
    std::smatch left;
    const std::string rest = (*it)[2];
    if (!std::regex_search(rest, left, std::regex("\\| ([0-9a-z]+) left"))) continue;
    ++lefts;
    EXPECT_EQ(left[1].str().find_first_of("hd"), std::string::npos) << words;  // seconds, or minutes
  }
  EXPECT_GT(lines, 2) << words;
  EXPECT_GT(lefts, 0) << words;
}

}  // namespace
}  // namespace crc::test
