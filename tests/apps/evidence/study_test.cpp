#include "apps/evidence/study.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "apps/draw/chart.h"
#include "apps/evidence/differences.h"
#include "apps/evidence/paired_charts.h"
#include "apps/evidence/paired_tables.h"
#include "tests/apps/example_run.h"
#include "tests/apps/scratch_dir.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Two methods in five trials; "crc" is two points above "Random" at every label count, give or take.
Study example_study() {
  Study study{.name = "small", .title = "A small study", .source = "nowhere", .trials = 5};
  for (const char* name : {"Random", "crc", "margin"})
    study.methods.push_back({.block = "b",
                             .name = name,
                             .measure = Measure::last,
                             .points = 3,
                             .settings = {{"ssl.mu", name == std::string("margin") ? "7" : "5"},
                                          {"acquisition.name", name},
                                          {"acquisition.budget", "10"}}});
  for (int64_t trial = 0; trial < 5; ++trial)
    for (size_t m = 0; m < 3; ++m) {
      StudyRun run{.method = m, .trial = trial, .seed = trial, .labels = {10, 20, 30}};
      const double base = 0.60 + 0.03 * double(trial % 3) + (m == 1 ? 0.02 + 0.001 * double(trial % 2) : 0) +
                          (m == 2 ? 0.01 * double(trial % 2) - 0.005 : 0);
      for (auto& accuracy : run.accuracy) accuracy = {base, base + 0.1, base + 0.15};
      run.first_labels = std::to_string(trial);
      run.run = "c0ffee";
      run.seconds = 1.5;
      study.runs.push_back(run);
    }
  return study;
}

TEST(Study, IsReadBackFromItsLines) {
  Study study = example_study();
  study.runs[4].accuracy[size_t(Measure::validation)][1] = kNone;
  const std::string lines = to_jsonl(study);
  const Study again = read_study(lines, "results/small.jsonl");
  EXPECT_EQ(to_jsonl(again), lines);
  EXPECT_EQ(again.runs.size(), 15u);
  EXPECT_EQ(again.methods[2].settings.at("ssl.mu"), "7");
  EXPECT_TRUE(std::isnan(again.runs[4].accuracy[size_t(Measure::validation)][1]));
  expect_error(ExitCode::corrupt_data, {"r.jsonl:1", "trial"},
               [&] { (void)read_study("{\"kind\":\"run\"}\n", "r.jsonl"); });
  expect_error(ExitCode::corrupt_data, {"r.jsonl:1", "sun"},
               [&] { (void)read_study("{\"kind\":\"sun\"}\n", "r.jsonl"); });
  expect_error(ExitCode::corrupt_data, {"describes no study"}, [&] { (void)read_study("", "r.jsonl"); });
  expect_error(ExitCode::corrupt_data, {"r.jsonl:1"}, [&] { (void)read_study("no json\n", "r.jsonl"); });
}

TEST(Study, ComparesInTablesAndWords) {
  const std::vector<PairedBlock> blocks = paired_blocks(example_study());
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_TRUE(blocks[0].same_start);
  EXPECT_THAT(blocks[0].labels, ElementsAre(10, 20, 30));
  const std::string table = markdown_areas(blocks[0]);
  EXPECT_THAT(table, HasSubstr("| crc |"));
  EXPECT_THAT(table, HasSubstr("same seed, same first labels"));
  const std::string sentences = markdown_sentences(blocks[0]);
  EXPECT_THAT(sentences, HasSubstr("crc is better than Random by 2.04 ± 0.07 points in 5 trials"));
  EXPECT_THAT(sentences, HasSubstr("and saves "));
  EXPECT_THAT(sentences, HasSubstr("no difference that 5 trials show; "));
  const std::string html = pairs_section(blocks[0]);
  for (const char* part : {"critical difference", "One curve for each trial", "Every pair in words", "rank-biserial"})
    EXPECT_THAT(html, HasSubstr(part));
  EXPECT_THAT(csv(blocks), HasSubstr(",p_wilcoxon,cohen_d,rank_biserial,needed_for_1_point,"));
}

TEST(Study, LabelCountsThatAllHaveAreCompared) {
  Study study = example_study();
  for (StudyRun& run : study.runs)
    if (run.method == 1) run.labels = {10, 15, 30};
  EXPECT_THAT(paired_blocks(study)[0].labels, ElementsAre(10, 30));
  for (StudyRun& run : study.runs)
    if (run.method == 1) run.labels = {11, 21, 31};
  EXPECT_TRUE(paired_blocks(study)[0].comparison.methods.empty());
  study = example_study();
  study.runs[1].first_labels = "other";
  EXPECT_FALSE(paired_blocks(study)[0].same_start);
  study.runs[0].accuracy[size_t(Measure::last)].pop_back();  // not finished: no pair
  EXPECT_EQ(std::ranges::max(paired_blocks(study)[0].comparison.pairs, {}, &apps::Pair::left_out).left_out, 1);
}

TEST(Study, SaysWhatElseDiffers) {
  const Study study = example_study();
  const auto list = differences(study, "b");
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].first, "ssl.mu");
  EXPECT_EQ(list[0].second, "5: Random, crc; 7: margin");
  EXPECT_THAT(html_differences(study, "b"), HasSubstr("All have the same seeds: 0, 1, 2, 3, 4."));
  Study same = study;
  same.methods[2].settings["ssl.mu"] = "5";
  same.runs.pop_back();
  EXPECT_THAT(markdown_differences(same, "b"), HasSubstr("differ in the acquisition alone"));
  EXPECT_THAT(html_differences(same, "b"), HasSubstr("<td>0, 1, 2, 3</td>"));
}

TEST(Study, SaysWhatTheTestSetChose) {
  Config config;
  config.merge_setting("ssl.patience_epochs=0");
  config.merge_setting("acquisition.model=last");
  EXPECT_EQ(chosen_on_test(config, Measure::last, false), "");
  EXPECT_THAT(chosen_on_test(config, Measure::best, true), HasSubstr("the epoch whose accuracy is shown, the initial"));
  config.merge_setting("ssl.patience_epochs=5");
  EXPECT_THAT(chosen_on_test(config, Measure::last, false), HasSubstr("when a round ends"));
  config.merge_setting("ssl.patience_epochs=0");
  config.merge_setting("acquisition.name=oracle");
  EXPECT_THAT(chosen_on_test(config, Measure::last, false), HasSubstr("choices: the labels that oracle asks for."));
  config.merge_setting("data.validation_size=100");
  EXPECT_EQ(chosen_on_test(config, Measure::validation, false), "");
}

TEST(Study, MergesSideBySide) {
  Study one = example_study(), other = example_study();
  other.name = "later";
  const Study both = merge({one, other});
  ASSERT_EQ(both.methods.size(), 6u);
  EXPECT_EQ(both.methods[0].name, "small: Random");
  EXPECT_EQ(both.methods[4].name, "later: crc");
  EXPECT_EQ(both.trials, 5);
  const PairedBlock block = paired_blocks(both)[0];
  EXPECT_EQ(block.comparison.pairs.size(), 15u);
  EXPECT_EQ(block.comparison.pair(0, 1).ties, 5);  // the same runs twice
  EXPECT_EQ(merge({one}).methods[0].name, "Random");
}

TEST(Study, OfRunsFromAnywhere) {
  ScratchDir dir;
  std::vector<RunRecord> records;
  for (const char* name : {"random", "crc"})
    for (int64_t seed : {3, 4}) {
      const fs::path path = dir.path() / fmt::format("{}{}", name, seed);
      write_example_run(path, name, seed, {0.5, 0.6}, 2);
      records.push_back(load_run(path));
    }
  const Study study = study_of(records, Measure::last, "here");
  EXPECT_EQ(study.methods.size(), 2u);
  EXPECT_EQ(study.runs.size(), 4u);
  EXPECT_EQ(study.trials, 2);
  EXPECT_EQ(study.runs[0].run.size(), 32u);
  EXPECT_GT(study.runs[0].seconds, 3000);
  EXPECT_EQ(paired_blocks(study)[0].comparison.pairs[0].difference.count, 2);
  write_example_run(dir.path() / "again", "crc", 3, {0.5, 0.6}, 2);
  records.push_back(load_run(dir.path() / "again"));
  expect_error(ExitCode::usage, {"same seed (3)"}, [&] { (void)study_of(records, Measure::last, "here"); });
}

TEST(PairedCharts, StayOnThePage) {
  const Comparison c = paired_blocks(example_study())[0].comparison;
  const RankChart ranks = rank_chart(c);
  EXPECT_EQ(ranks.names.size(), 3u);
  EXPECT_THAT(chart_svg(ranks), HasSubstr("critical difference"));
  const DifferenceChart differences = difference_chart(c, *baseline(c));
  EXPECT_EQ(differences.rows.size(), 2u);
  EXPECT_THAT(chart_svg(differences), HasSubstr("Area against Random"));
  EXPECT_THAT(chart_svg(trial_curves(c, 0)), Not(HasSubstr("nan")));
  for (const std::string& svg : {chart_svg(ranks), chart_svg(differences)}) EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace crc::apps::test
