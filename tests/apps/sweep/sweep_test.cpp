#include "apps/sweep/sweep.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "apps/evidence/paired_tables.h"
#include "apps/evidence/stop_rule.h"
#include "apps/evidence/sweep_report.h"
#include "apps/report/figures.h"
#include "apps/rundir/run_dir.h"
#include "apps/sweep/cells.h"
#include "tests/apps/example_run.h"
#include "tests/apps/scratch_dir.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using ::testing::HasSubstr;

const char* const kRecipe = R"(# two blocks
schema = 1
[acquisition]
initial = 50
budget = 50
rounds = 2
[sweep]
title = "A <table>"
source = "paper, Table 0"
trials = 2
initial_pools = 3
reconfirm = 2
[[sweep.block]]
name = "Q=50"
heads = ["100", "150"]
[[sweep.block.method]]
name = "Random"
set = ["acquisition.name=random"]
paper = ["50.1±2.0", "60.2±3.1*"]
[[sweep.block.method]]
name = "CRC"
set = ["acquisition.name=crc"]
paper = ["55.5", ""]
[[sweep.block]]
name = "other"
set = ["ssl.mu=3"]
[[sweep.block.method]]
name = "CRC"
set = ["acquisition.name=crc"]
)";

TEST(SweepSpec, EveryRecipeOfThePaperIsComplete) {
  std::set<std::string> tables;
  for (const Recipe& recipe : recipes()) {
    if (!find_sweep(recipe.text)) continue;
    tables.insert(recipe.name);
    const Sweep sweep = Sweep::plan("nowhere", {.recipe = recipe.name, .settings = {}});
    for (size_t b = 0; b < sweep.spec().blocks.size(); ++b) {
      const SweepBlock& block = sweep.spec().blocks[b];
      const Config config = sweep.config({.name = {}, .block = b});
      const auto get = [&](const char* key) { return config.get<int64_t>(key); };
      for (const SweepMethod& method : block.methods) {
        if (!recipe.name.starts_with("table")) continue;
        EXPECT_EQ(int64_t(method.paper.size()), get("acquisition.rounds")) << recipe.name << " " << method.name;
        EXPECT_EQ(block.heads.size(), method.paper.size()) << recipe.name;
      }
      EXPECT_EQ(get("acquisition.budget") % get("acquisition.group_size"), 0) << recipe.name;
    }
  }
  for (const char* name : {"table1", "table2", "table3", "table4", "table5", "table6", "figure1", "figure2", "figure3"})
    EXPECT_TRUE(tables.count(name)) << name;
}

TEST(SweepSpec, PaperNumbers) {
  EXPECT_EQ(parse_paper_number("78.41±3.16").mean, 78.41);
  EXPECT_EQ(parse_paper_number("78.41±3.16").std, 3.16);
  EXPECT_FALSE(parse_paper_number("78.41±3.16").starred);
  EXPECT_TRUE(parse_paper_number("70.86±3.95*").starred);
  EXPECT_EQ(parse_paper_number("55.9").mean, 55.9);
  EXPECT_TRUE(std::isnan(parse_paper_number("").mean));
}

TEST(SweepSpec, SaysWhatIsWrongAndWhere) {
  const auto refuse = [](const std::string& what, const std::string& with, std::vector<std::string> words) {
    std::string text = kRecipe;
    text.replace(text.find(what), what.size(), with);
    words.push_back("r.toml:");
    expect_error(ExitCode::config, words, [&] { parse_sweep(text, "r.toml"); });
  };
  refuse("trials = 2", "trials = 0", {"trials must be an integer"});
  refuse("trials = 2", "tries = 2", {"unknown key \"tries\""});
  refuse("ssl.mu=3", "ssl.mux=3", {"did you mean ssl.mu"});
  refuse("50.1±2.0", "good", {"\"good\" is not of the form"});
  refuse("name = \"CRC\"", "name = \"Random\"", {"two methods are called \"Random\""});
  refuse("source = ", "measure = \"first\"\nsource = ", {"must be one of \"best\""});
  expect_error(ExitCode::config, {"has no [sweep]"}, [] { parse_sweep("schema = 1\n", "r.toml"); });
}

struct Folder {
  ScratchDir dir;
  SweepOptions options;
  Folder() {
    commit_file(dir / "recipe.toml", kRecipe);
    options.recipe = (dir / "recipe.toml").string();
  }
};

TEST(Sweep, HasACellForEveryRunWithASeedOfItsOwn) {
  Folder folder;
  const Sweep sweep = Sweep::create(folder.dir / "s", folder.options);
  std::set<std::string> names;
  std::map<Phase, int> phases;
  std::set<std::pair<std::string, int64_t>> seeds;  // within one block and method
  for (const SweepCell& cell : sweep.cells()) {
    names.insert(cell.name);
    ++phases[cell.phase];
    const int64_t seed = sweep.config(cell).get<int64_t>("run.seed");
    EXPECT_TRUE(seeds.insert({std::to_string(cell.block) + std::to_string(cell.method), seed}).second) << cell.name;
  }
  EXPECT_EQ(names.size(), sweep.cells().size());
  EXPECT_EQ(phases[Phase::pool], 6);
  EXPECT_EQ(phases[Phase::trial], 6);
  EXPECT_EQ(phases[Phase::reconfirm], 4);  // one starred entry, two trials, twice each
  EXPECT_TRUE(names.count("q50-random-t1-q2-again0"));
  EXPECT_EQ(sweep.config(sweep.cells().front()).get<int64_t>("acquisition.rounds"), 0);
}

TEST(Sweep, ContinuesWithTheSameOptionsOnly) {
  Folder folder;
  Sweep::create(folder.dir / "s", folder.options);
  EXPECT_EQ(Sweep::create(folder.dir / "s", folder.options).cells().size(),
            Sweep::open(folder.dir / "s").cells().size());
  SweepOptions other = folder.options;
  other.settings = {"ssl.epochs=2"};
  expect_error(ExitCode::output_refused, {"--set: ", "not given there", "ssl.epochs=2 now"},
               [&] { Sweep::create(folder.dir / "s", other); });
  commit_file(folder.dir / "recipe.toml", std::string(kRecipe) + "# changed\n");
  expect_error(ExitCode::output_refused, {"(another recipe file)"},
               [&] { Sweep::create(folder.dir / "s", folder.options); });
  make_directories(folder.dir / "full");
  commit_file(folder.dir / "full/x", "");
  expect_error(ExitCode::output_refused, {"is not empty"}, [&] { Sweep::create(folder.dir / "full", folder.options); });
}

const char* const kTwo = R"(schema = 1
[acquisition]
initial = 50
budget = 50
rounds = 1
[sweep]
title = "Two"
trials = 2
[[sweep.block]]
set = ["ssl.mu=3"]
[[sweep.block.method]]
name = "CRC"
set = ["acquisition.name=crc", "ssl.lr=0.02"]
[[sweep.block.method]]
name = "entropy"
set = ["acquisition.name=entropy", "ssl.lr=0.02"]
)";

struct Two {
  ScratchDir dir;
  SweepOptions options;
  Two() {
    commit_file(dir / "two.toml", kTwo);
    options.recipe = (dir / "two.toml").string();
  }
};

std::vector<std::string> methods_of(const Sweep& sweep) {
  std::vector<std::string> names;
  for (const SweepMethod& method : sweep.spec().blocks[0].methods) names.push_back(method.name);
  return names;
}

TEST(Sweep, HasControlsUnlessNamedOff) {
  using ::testing::ElementsAre;
  Two two;
  EXPECT_THAT(methods_of(Sweep::create(two.dir / "earlier", two.options)), ElementsAre("CRC", "entropy"));
  two.options.controls = kControls;
  const Sweep sweep = Sweep::create(two.dir / "s", two.options);
  EXPECT_THAT(methods_of(sweep), ElementsAre("CRC", "entropy", "random", "margin"));
  const Config margin = sweep.config(sweep.cells().back());
  EXPECT_EQ(margin.get<std::string>("acquisition.name"), "margin");
  EXPECT_EQ(margin.get<double>("ssl.lr"), 0.02);  // what all methods share
  EXPECT_THAT(methods_of(Sweep::open(two.dir / "s")), ElementsAre("CRC", "entropy", "random", "margin"));
  // A sweep that began without them goes on without them, and its file stays as it was.
  const std::string before = read_file(two.dir / "earlier/sweep.json");
  EXPECT_EQ(before.find("controls"), before.npos);
  EXPECT_THAT(methods_of(Sweep::create(two.dir / "earlier", two.options)), ElementsAre("CRC", "entropy"));
  EXPECT_EQ(read_file(two.dir / "earlier/sweep.json"), before);
  two.options.controls = {"random"};
  expect_error(ExitCode::output_refused, {"other settings"}, [&] { Sweep::create(two.dir / "s", two.options); });
  EXPECT_THAT(methods_of(Sweep::plan(two.dir / "new", two.options)), ElementsAre("CRC", "entropy", "random"));
  // A published table has its rows alone.
  Folder published;
  published.options.controls = kControls;
  EXPECT_EQ(Sweep::plan({}, published.options).spec().blocks[0].methods.size(), 2u);
  EXPECT_EQ(Sweep::plan({}, published.options).spec().blocks[1].methods.size(), 3u);
  EXPECT_THAT(*parse_sweep("[sweep]\ntitle = \"x\"\ncontrols = [\"badge\"]\n[[sweep.block]]\n[[sweep.block.method]]\n"
                           "name = \"a\"\n",
                           "r.toml")
                   .controls,
              ElementsAre("badge"));
  expect_error(ExitCode::config, {"r.toml:3", "controls must be a list of texts"},
               [&] { parse_sweep("[sweep]\ntitle = \"x\"\ncontrols = \"badge\"\n", "r.toml"); });
}

// Writes the runs of the cells that `wanted` accepts.
template <class Wanted> void write_runs(const Sweep& sweep, Wanted wanted) {
  for (const SweepCell& cell : sweep.cells()) {
    if (!wanted(cell)) continue;
    const Config config = sweep.config(cell);
    const int64_t rounds = cell.phase == Phase::trial ? 3 : 1;
    const std::vector<double> curve = {0.5 + 0.1 * double(cell.index), 0.7, 0.8};
    write_example_run(sweep.path(cell), config.get<std::string>("acquisition.name"), config.get<int64_t>("run.seed"),
                      {curve.begin(), curve.begin() + rounds}, 3, sweep.run_of(cell).config);
  }
}

TEST(Sweep, TrialsStartFromTheMedianPool) {
  Folder folder;
  const Sweep sweep = Sweep::create(folder.dir / "s", folder.options);
  const SweepCell& trial = sweep.cells()[6];
  EXPECT_EQ(trial.phase, Phase::trial);
  expect_error(ExitCode::input_missing, {"pool-0 is not done"}, [&] { sweep.arguments(trial); });
  write_runs(sweep, [](const SweepCell& cell) { return cell.phase == Phase::pool; });
  EXPECT_EQ(sweep.median_pool(0).index, 1);
  const std::vector<std::string> arguments = sweep.arguments(trial);
  EXPECT_THAT(arguments, ::testing::Contains(HasSubstr("start.run=")));
  EXPECT_THAT(arguments, ::testing::Contains(HasSubstr("q50-pool-1")));
  EXPECT_EQ(sweep.arguments(sweep.cells()[0])[0], "resume");
}

// What the device took, or an earlier version's default; named ones are other runs.
TEST(Sweep, ACellKeepsThePrecisionThatItBeganIn) {
  const ScratchDir dir;
  const fs::path run = dir / "run";
  Config began;
  began.merge_setting("run.precision=fp32");
  write_example_run(run, "random", 1, {0.5}, 3, began);
  Config belongs = load_run(run).config;
  for (const std::string allowed : {"auto", "tf32", "fp32"}) {
    belongs.merge_setting("run.precision=" + allowed);
    check_cell({.directory = run, .config = belongs});
  }
  belongs.merge_setting("run.precision=bf16");
  expect_error(ExitCode::corrupt_data, {"run.precision: \"bf16\", was \"fp32\""},
               [&] { check_cell({.directory = run, .config = belongs}); });
}

TEST(Sweep, AddsTrialsUntilItsRuleHolds) {
  Two two;
  two.options.until = parse_rule(" width < 2.5");
  two.options.until->hours = 100;
  Sweep sweep = Sweep::create(two.dir / "s", two.options);
  check_rule(sweep);
  const auto train = [&](double spread) {
    for (const SweepCell& cell : sweep.cells()) {
      if (sweep.done(cell)) continue;
      const double start = 0.5 + (cell.method == 0 ? spread * double(cell.index % 2) : 0);
      write_example_run(sweep.path(cell), cell.method == 0 ? "crc" : "entropy", cell.index, {start, start + 0.1}, 3,
                        sweep.run_of(cell).config);
    }
  };
  train(0.3);
  EXPECT_EQ(why_enough(sweep), "");
  EXPECT_THAT(rule_words(sweep), HasSubstr("Not yet: 2 trials so far."));
  sweep.add_trial();
  EXPECT_EQ(sweep.spec().trials, 3);
  EXPECT_EQ(sweep.cells().size(), 6u);
  // Another process, which was given the same options, goes on there; without the rule it is another sweep.
  EXPECT_EQ(Sweep::open(two.dir / "s").spec().trials, 3);
  EXPECT_EQ(Sweep::plan(two.dir / "s", two.options).spec().trials, 3);
  SweepOptions fixed = two.options;
  fixed.until = std::nullopt;
  { const Sweep other = std::move(sweep); }  // frees its lock
  expect_error(ExitCode::output_refused, {"other settings"}, [&] { Sweep::create(two.dir / "s", fixed); });
  fixed = two.options;
  fixed.until->width = 3;  // no rule is changed on the way
  expect_error(ExitCode::output_refused, {"other settings"}, [&] { Sweep::create(two.dir / "s", fixed); });
  Sweep again = Sweep::create(two.dir / "s", two.options);
  EXPECT_EQ(again.spec().trials, 3);
  again.end_trials("Ended after 3 trials.");
  EXPECT_THAT(rule_words(Sweep::open(two.dir / "s")), HasSubstr("fixed before the first run. Ended after 3 trials."));
  EXPECT_THAT(read_file(two.dir / "s/sweep.json"), HasSubstr("\"until\""));
}

TEST(Sweep, AnEndedRuleSaysWhy) {
  Two two;
  two.options.until = parse_rule("width < 200");
  two.options.trials = 5;
  Sweep sweep = Sweep::create(two.dir / "s", two.options);
  const auto train = [](const Sweep& of) {
    for (const SweepCell& cell : of.cells())
      write_example_run(of.path(cell), cell.method == 0 ? "crc" : "entropy", cell.index, {0.5, 0.6}, 3,
                        of.run_of(cell).config);
  };
  train(sweep);
  EXPECT_THAT(why_enough(sweep), HasSubstr("Ended after 5 trials, the widest interval "));
  two.options.until = parse_rule("width < .0001");
  two.options.until->hours = 4;  // an example run takes an hour
  Sweep small = Sweep::create(two.dir / "t", two.options);
  train(small);
  EXPECT_THAT(why_enough(small), HasSubstr("of the budget "));
  for (const char* wrong : {"width", "width < 0", "width > 1", "p < 0.05", "width < x"})
    expect_error(ExitCode::usage, {"width < 1.0", wrong}, [&] { parse_rule(wrong); });
}

TEST(ResultTable, PutsThePapersNumberBesideOurs) {
  Folder folder;
  const Sweep sweep = Sweep::create(folder.dir / "s", folder.options);
  write_runs(sweep, [](const SweepCell& cell) { return cell.block == 0; });
  const std::vector<SweepRun> runs = load_runs(sweep);
  const ResultTable table = make_table(sweep, runs);
  ASSERT_EQ(table.columns.size(), 4u);
  ASSERT_EQ(table.rows.size(), 2u);
  const ResultEntry& entry = table.rows[0].entries[0];
  EXPECT_EQ(entry.ours[0].count, 2);
  double values[2];
  for (const SweepRun& run : runs)
    if (run.cell->phase == Phase::trial && run.cell->method == 0)
      values[run.cell->index] = run.record.rounds[1].acc_best;
  EXPECT_NEAR(entry.ours[0].mean, (values[0] + values[1]) / 2, 1e-12);
  EXPECT_NEAR(entry.ours[0].std, std::abs(values[0] - values[1]) / 2, 1e-12);  // population
  EXPECT_FALSE(entry.reconfirmed);
  EXPECT_TRUE(table.rows[0].entries[1].reconfirmed);
  EXPECT_EQ(table.rows[1].entries[2].ours[0].count, 0);
  const std::string text = markdown(table);
  EXPECT_THAT(text, HasSubstr("| Accuracy (%) | Q=50: 100 | Q=50: 150 | other: 100 | other: 150 |"));
  EXPECT_THAT(text, HasSubstr("(50.1±2.0)"));
  EXPECT_THAT(text, HasSubstr("* (60.2±3.1*)"));
  EXPECT_THAT(csv(table), HasSubstr("Q=50,100,Random,2,"));
  EXPECT_THAT(csv(table), HasSubstr(",50.1000,2.0000,0\n"));

  const PairedBlock paired = paired_blocks(study_of(sweep, runs))[0];
  EXPECT_EQ(paired.labels, (std::vector<double>{100, 150}));  // without the initial pools, which are no method's
  double areas[2][2];
  for (const SweepRun& run : runs)
    if (run.cell->phase == Phase::trial)
      areas[run.cell->method][run.cell->index] = 50 * (run.record.rounds[1].acc_best + run.record.rounds[2].acc_best);
  ASSERT_EQ(paired.comparison.pairs.size(), 1u);
  const apps::Pair& pair = paired.comparison.pairs[0];
  EXPECT_EQ(pair.difference.count, 2);
  EXPECT_NEAR(std::abs(pair.difference.mean), std::abs(areas[0][0] + areas[0][1] - areas[1][0] - areas[1][1]) / 2,
              1e-9);
  EXPECT_THAT(csv(std::vector{paired}), HasSubstr("\nQ=50,100,150,"));
  EXPECT_TRUE(paired_blocks(study_of(sweep, runs))[1].comparison.methods.empty());  // nothing has run there

  const std::string words = write_sweep_report(sweep, folder.dir / "out");
  EXPECT_THAT(
      words,
      HasSubstr("| Q=50 | Area (%) | Interquartile mean | Median | Rank | Trials | Against Random | Wins-losses-ties | "
                "Labels saved | Verdict |\n"));
  EXPECT_THAT(read_file(folder.dir / "out/table.md"), HasSubstr("| Q=50: row - column | 1 | 2 |\n"));
  EXPECT_THAT(words, ::testing::Not(HasSubstr("row - column")));
  EXPECT_EQ(read_file(folder.dir / "out/pairs.csv"), csv(paired_blocks(study_of(sweep, runs))));
  EXPECT_TRUE(words.starts_with("Test accuracy was used for choices: the epoch whose accuracy is shown, "));
  const std::string html = read_file(folder.dir / "out/report.html");
  EXPECT_THAT(html, HasSubstr("<section id=\"b0-pairs\">"));
  EXPECT_THAT(html, HasSubstr("<p><strong>Test accuracy was used for choices: "));
  EXPECT_THAT(html, HasSubstr("A &lt;table&gt;"));
  EXPECT_THAT(html, HasSubstr("<section id=\"b0-classes\">"));
  EXPECT_EQ(html.find("http"), html.find("http://www.w3.org"));  // nothing is loaded
  EXPECT_TRUE(fs::exists(folder.dir / "out/figures/q50-accuracy.png"));
}

TEST(Figures, FitAndHorizon) {
  const Fit fit = fit_line({{1, 5}, {2, 3}, {3, 1}});
  EXPECT_DOUBLE_EQ(fit.slope, -2);
  EXPECT_DOUBLE_EQ(fit.intercept, 7);
  EXPECT_DOUBLE_EQ(fit.correlation, -1);
  EXPECT_TRUE(std::isnan(fit_line({{1, 5}}).slope));
  EXPECT_EQ(describe({.slope = -2, .intercept = 0, .correlation = -0.9, .count = 9}, 12),
            "slope -2, r -0.90 (95 %: -0.97 to -0.67)");
  EXPECT_EQ(describe({.slope = -2, .intercept = 0, .correlation = -0.2, .count = 9}, 12),
            "no slope: r -0.20 (95 %: -0.69 to 0.42)");
  EXPECT_EQ(describe(fit, 3), "slope -2, r -1.00, too few queries to tell");
  RunRecord run;
  run.epochs = {{.round = 1, .epoch = 1, .test_loss = 3},
                {.round = 1, .epoch = 2, .test_loss = 1},
                {.round = 1, .epoch = 3, .test_loss = 1},
                {.round = 2, .epoch = 1, .test_loss = 0.5}};
  EXPECT_EQ(best_loss_epoch(run, 1), 2);
  EXPECT_EQ(best_loss_epoch(run, 0), 0);
  run.scores[0] = make_histogram(std::vector<double>{0.01, 0.1, -1, 0}, std::vector<int64_t>{1});
  EXPECT_EQ(run.scores[0].decades.size(), 2u);
  EXPECT_EQ(histogram_from_json(to_json(run.scores[0]), "s").decades, run.scores[0].decades);
  const LineChart chart = horizon_chart({&run});
  ASSERT_EQ(chart.series.size(), 1u);
  EXPECT_EQ(chart.series[0].mean[0].x, 2);
  EXPECT_NEAR(chart.series[0].mean[0].y, -1, 1e-12);
}

}  // namespace
}  // namespace crc::apps::test
