#include "apps/report/report.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <regex>

#include "apps/config/reference.h"
#include "apps/draw/contact_sheet.h"
#include "apps/draw/html.h"
#include "apps/report/summary.h"
#include "tests/apps/example_run.h"
#include "tests/apps/scratch_dir.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Three acquisitions, two seeds, small.
struct Experiment {
  ScratchDir dir;
  std::vector<RunRecord> runs;
  Experiment() {
    for (const char* name : {"random", "crc", "entropy"}) {
      for (int seed : {1, 2}) {
        const fs::path path = dir / (std::string(name) + "-s" + std::to_string(seed));
        write_example_run(path, name, seed, {0.559, 0.784, 0.837}, 5);
        runs.push_back(load_run(path));
      }
    }
  }
};

// Without the program's own script, which is the same in every page.
std::string without_script(std::string html) {
  const size_t at = html.find(kReportScript);
  EXPECT_NE(at, html.npos);
  return at == html.npos ? html : html.erase(at, kReportScript.size());
}

// Every tag closed in order, attributes quoted, no bare < or &: XML's rules, which this HTML keeps.
void expect_well_formed(const std::string& page) {
  const std::string html = without_script(page);
  const std::regex tag(R"(<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z:-]+="[^"<]*")*)\s*(/?)>)");
  const std::regex reference("&(?:amp|lt|gt|quot|#39);");
  std::vector<std::string> open;
  size_t at = html.find("<html");
  ASSERT_NE(at, html.npos);
  while (at < html.size()) {
    const size_t next = std::min(html.find('<', at), html.size());
    std::string text = html.substr(at, next - at);
    if (open.empty() || open.back() != "style") {
      text = std::regex_replace(text, reference, "");
      EXPECT_EQ(text.find_first_of("&"), text.npos) << text;
    }
    if (next == html.size()) break;
    const size_t end = html.find('>', next) + 1;
    const std::string whole = html.substr(next, end - next);
    if (whole.size() < 5000) {  // std::regex recurses: images are checked by their size alone
      std::smatch match;
      ASSERT_TRUE(std::regex_match(whole, match, tag)) << whole;
      if (match[1] == "/") {
        ASSERT_FALSE(open.empty());
        ASSERT_EQ(open.back(), match[2]) << "at byte " << next;
        open.pop_back();
      } else if (match[4] != "/") {
        open.push_back(match[2]);
      }
    }
    at = end;
  }
  EXPECT_TRUE(open.empty());
}

RoundMistakes some_mistakes() {
  RoundMistakes wrong;
  wrong.classes = 10;
  wrong.images = 6;
  wrong.mistakes = 2;
  wrong.confusion.assign(100, 0);
  wrong.confusion[11] = 2, wrong.confusion[17] = 2, wrong.confusion[77] = 2;
  wrong.surest = {{17, 1, 7, 0.01, 0.98}, {3, 1, 7, 0.3, 0.6}};
  std::vector<uint8_t> grey(3 * 16 * 16, 90);
  const std::vector<std::span<const uint8_t>> tiles(2, grey);
  const data::Bytes png = data::encode_png(contact_sheet(tiles, 16, 16, {.scale = 3}));
  wrong.png.assign(png.begin(), png.end());
  return wrong;
}

TEST(RunRecord, HoldsWhatTheRunLeft) {
  Experiment experiment;
  const RunRecord& run = experiment.runs[2];
  EXPECT_EQ(run.name, "crc-s1");
  EXPECT_EQ(run.acquisition, "crc");
  EXPECT_EQ(run.seed, 1);
  EXPECT_EQ(run.marker, Marker::done);
  EXPECT_EQ(run.labels.size(), 150u);
  EXPECT_EQ(run.ledger_head, load_ledger(run.path / "labels.jsonl").entries.back().hash);
  EXPECT_EQ(run.rounds.size(), 3u);
  EXPECT_EQ(run.rounds[2].labels, 150);
  EXPECT_EQ(run.epochs.size(), 15u);
  EXPECT_EQ(run.epochs[7].round, 1);
  EXPECT_EQ(run.epochs[7].epoch, 3);
  EXPECT_TRUE(std::isnan(run.epochs[0].loss_x));
  EXPECT_EQ(run.scores.at(1).chosen.size(), 10u);
  EXPECT_EQ(run.query_png.size(), 2u);
  EXPECT_EQ(run.class_names[7], "<horse>");
}

TEST(RunRecord, ALabelCountThatTheLedgerDoesNotConfirmIsRefused) {
  ScratchDir dir;
  write_example_run(dir / "run", "crc", 1, {0.5, 0.6}, 2);
  const std::string csv = read_file(dir / "run/rounds.csv");
  commit_file(dir / "run/rounds.csv", std::regex_replace(csv, std::regex("\n1,100,"), "\n1,90,"));
  expect_error(ExitCode::corrupt_data, {"rounds.csv was changed after the run wrote it"},
               [&] { load_run(dir / "run"); });
  const std::string run_json = read_file(dir / "run/run.json");
  for (const char* name : {"manifest.json", "manifest-copy.json"}) {  // an earlier version kept none
    fs::create_directory(dir / "kept");
    fs::copy_file(dir.path() / "run" / name, dir.path() / "kept" / name);
    remove_file(dir.path() / "run" / name);
  }
  expect_error(ExitCode::corrupt_data, {"manifest.json is missing, and so is its copy"},
               [&] { load_run(dir / "run"); });
  commit_file(dir / "run/run.json", std::regex_replace(run_json, std::regex(",\n \"manifest\": 1"), ""));
  expect_error(ExitCode::corrupt_data, {"says 90 labels in round 1", "labels.jsonl holds 100"},
               [&] { load_run(dir / "run"); });
  commit_file(dir / "run/run.json", run_json);
  for (const char* name : {"manifest.json", "manifest-copy.json"})
    fs::copy_file(dir.path() / "kept" / name, dir.path() / "run" / name);
  commit_file(dir / "run/rounds.csv", csv);
  append_text(dir / "run/metrics.jsonl", "not json\n");
  expect_error(ExitCode::corrupt_data, {"metrics.jsonl was changed after the run wrote it"},
               [&] { load_run(dir / "run"); });
  remove_file(dir / "run/DONE");  // of a run that goes on, the file may hold more than its manifest knows
  expect_error(ExitCode::corrupt_data, {"metrics.jsonl:5"}, [&] { load_run(dir / "run"); });
  expect_error(ExitCode::input_missing, {"not a run's directory"}, [&] { load_run(dir.path()); });
}

TEST(Summary, GroupsByAcquisitionAndAveragesOverSeeds) {
  Experiment experiment;
  const auto groups = group_runs(experiment.runs);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].name, "crc");
  EXPECT_EQ(groups[0].runs.size(), 2u);
  EXPECT_THAT(label_counts(groups), ::testing::ElementsAre(50, 100, 150));
  const double a = groups[0].runs[0]->rounds[1].acc_last, b = groups[0].runs[1]->rounds[1].acc_last;
  const MeanStd value = at_labels(groups[0], 100, &RoundRow::acc_last);
  EXPECT_DOUBLE_EQ(value.mean, (a + b) / 2);
  EXPECT_NEAR(value.std, std::abs(a - b) / std::sqrt(2.0), 1e-12);
  EXPECT_EQ(at_labels(groups[0], 70, &RoundRow::acc_last).count, 0);
  const LineChart chart = accuracy_chart(groups);
  EXPECT_EQ(chart.series.size(), 4u);  // and the paper's
  EXPECT_TRUE(chart.series[0].emphasized);
  EXPECT_EQ(chart.series[0].members.size(), 2u);
  EXPECT_EQ(chart.series[3].name, "paper, CRC");
  experiment.runs[3].config.merge_setting("ssl.mu=3");
  EXPECT_EQ(group_runs(experiment.runs).size(), 4u);
  EXPECT_EQ(group_runs(experiment.runs)[1].name, "crc mu=3");
}

TEST(Summary, ReferencePoints) {
  EXPECT_EQ(parse_reference(" 100:78.4  150:83.7").size(), 2u);
  EXPECT_EQ(parse_reference("100:78.4 150:83.7")[1].second, 83.7);
  for (const char* bad : {"100", "100:", "100:x", "a:1", "100:1,200:2", "100:178"}) {
    expect_error(ExitCode::config, {"report.reference", bad}, [&] { parse_reference(bad); });
  }
}

TEST(ScoreHistogram, CountsEverythingOnce) {
  const double inf = std::numeric_limits<double>::infinity();
  const ScoreHistogram h =
      make_histogram(std::vector<double>{0, 1, 2, 2, 4, inf, std::nan("")}, std::vector<int64_t>{4}, 4);
  EXPECT_THAT(h.counts, ::testing::ElementsAre(1, 1, 2, 1));
  EXPECT_EQ(h.not_finite, 2);
  EXPECT_THAT(h.chosen, ::testing::ElementsAre(4));
  EXPECT_EQ(histogram_from_json(to_json(h), "s").counts, h.counts);
  EXPECT_THAT(make_histogram(std::vector<double>{3, 3}, {}, 2).counts, ::testing::ElementsAre(2, 0));
  expect_error(ExitCode::corrupt_data, {"s.json is damaged"}, [] { histogram_from_json("{}", "s.json"); });
}

TEST(Report, HasEverySectionAndIsWellFormed) {
  Experiment experiment;
  const std::string html = report_html(experiment.runs);
  expect_well_formed(html);
  EXPECT_LT(html.size(), kMaxReport);
  for (const char* id : {"accuracy", "runs", "rounds", "queries", "classes", "training", "scores", "settings"}) {
    EXPECT_THAT(html, HasSubstr(std::string("<section id=\"") + id + "\">"));
  }
  for (const char* panel : {"Precision of pseudo-labels by class", "Recall of pseudo-labels by class",
                            "Threshold of confidence", "Unlabelled images that no class claims"})
    EXPECT_THAT(html, HasSubstr(panel));
  EXPECT_THAT(html, HasSubstr("<h1>Active learning on cifar10</h1>"));
  EXPECT_THAT(html, HasSubstr("cifar10 · wrn-28-2 · fixmatch · crc, random, entropy · 6 runs"));
  EXPECT_THAT(html, HasSubstr(experiment.runs[0].ledger_head));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(html, HasSubstr("&lt;horse&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<horse>")));
  EXPECT_THAT(html, HasSubstr("<td>device</td>"));
  EXPECT_EQ(html.find("http"), html.find("http://www.w3.org"));  // nothing is loaded
  EXPECT_THAT(without_script(html), Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_EQ(html, report_html(experiment.runs));
  const double mean = at_labels(group_runs(experiment.runs)[0], 150, &RoundRow::acc_last).mean;
  char cell[32];
  std::snprintf(cell, sizeof cell, "<td class=\"n\">%.2f <span", 100 * mean);
  EXPECT_THAT(html, HasSubstr(cell));
}

TEST(Report, HostileNamesStayText) {
  Experiment experiment;
  RunRecord run = experiment.runs[0];
  run.name = "<script>alert(1)</script>&\"'\xff";
  run.determinism = "<b>";
  run.facts.emplace_back("<i>", "</td><script>");
  run.config_text = "</pre><script>";
  run.class_names[0] = "\"><script>";
  run.acquisition = "a\"b<c";
  const std::string html = report_html({run});
  expect_well_formed(html);
  EXPECT_THAT(without_script(html), Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;\xef\xbf\xbd"));
}

TEST(Report, StaysSmallAndSaysWhatItLeftOut) {
  Experiment experiment;
  for (RunRecord& run : experiment.runs) run.query_png[1] = std::string(600'000, 'x');
  const std::string html = report_html(experiment.runs);
  EXPECT_LT(html.size(), kMaxReport);
  EXPECT_THAT(html, HasSubstr("3 more are in the runs' directories"));
}

// In the order in which people ask.
TEST(Report, SectionsComeInTheOrderOfTheQuestions) {
  Experiment experiment;
  RunRecord run = experiment.runs[0];
  run.mistakes = some_mistakes();
  const std::string html = report_html({run});
  size_t before = 0;
  for (const char* id :
       {"accuracy", "classes", "queries", "scores", "mistakes", "training", "cost", "rounds", "runs", "settings"}) {
    const size_t at = html.find(std::string("<section id=\"") + id + "\">");
    ASSERT_NE(at, html.npos) << id;
    EXPECT_GT(at, before) << id;
    EXPECT_THAT(html, HasSubstr(std::string("<a href=\"#") + id + "\">"));
    before = at;
  }
}

TEST(Report, SaysWhatGoesWrong) {
  Experiment experiment;
  RunRecord run = experiment.runs[0];
  run.mistakes = some_mistakes();
  const std::string html = report_html({run});
  expect_well_formed(html);
  EXPECT_THAT(html, HasSubstr("Of 6 test images 2 are taken for another class"));
  EXPECT_THAT(html, HasSubstr("automobile said to be &lt;horse&gt;: 2 of 4"));
  EXPECT_THAT(html, HasSubstr("#17<br/>labelled <b>automobile</b> (1.0 %)<br/>said <b>&lt;horse&gt;</b> (98.0 %)"));
  EXPECT_THAT(html, Not(HasSubstr("<horse>")));
  run.mistakes->png = "no picture";  // nothing depends on it
  expect_well_formed(report_html({run}));
  run.mistakes.reset();
  EXPECT_THAT(report_html({run}), Not(HasSubstr("What goes wrong")));
}

TEST(Report, QueriedImagesHaveTheirClassAndTheirNumber) {
  Experiment experiment;
  RunRecord run = experiment.runs[0];
  run.query_png.clear();
  std::vector<uint8_t> grey(3 * 16 * 16, 120);
  const std::vector<std::span<const uint8_t>> tiles(2, grey);
  const data::Bytes png = data::encode_png(contact_sheet(tiles, 16, 16, {.scale = 3}));
  run.query_png[0] = std::string(png.begin(), png.end());
  run.asked[0] = {run.labels[60].item, 12345678};  // the second has no label yet
  const std::string html = report_html({run});
  expect_well_formed(html);
  const std::string name = escape_xml(run.class_names[size_t(run.labels[60].class_index)]);
  EXPECT_THAT(html, HasSubstr("<b>" + name + "</b><br/>#" + std::to_string(run.labels[60].item) + "</figcaption>"));
  EXPECT_THAT(html, HasSubstr("<figcaption>#12345678</figcaption>"));
}

TEST(Report, ALivePageComesAgainAndAnOrdinaryOneDoesNot) {
  Experiment experiment;
  const std::string live = report_html({experiment.runs[0]}, 15), still = report_html({experiment.runs[0]});
  expect_well_formed(live);
  EXPECT_THAT(live, HasSubstr("<body data-reload=\"15\">"));
  EXPECT_THAT(live, HasSubstr("This page comes again every 15 s."));
  EXPECT_THAT(still, HasSubstr("<body>"));
  EXPECT_THAT(still, Not(HasSubstr("http-equiv")));
}

TEST(Report, ARunThatHasJustStarted) {
  ScratchDir dir;
  RunDir::create(dir / "run", Config(), {});
  const std::string html = report_html({load_run(dir / "run")});
  expect_well_formed(html);
  EXPECT_THAT(html, HasSubstr("no data yet"));
  EXPECT_THAT(html, HasSubstr(">running<"));
}

TEST(Html, Pieces) {
  EXPECT_EQ(data_uri_png("M"), "data:image/png;base64,TQ==");
  EXPECT_EQ(data_uri_png("Ma"), "data:image/png;base64,TWE=");
  EXPECT_EQ(data_uri_png("Man"), "data:image/png;base64,TWFu");
  EXPECT_EQ(TableCell::percent(0.87654).html, "87.65");
  EXPECT_EQ(TableCell::percent(kNone).html, "");
  EXPECT_EQ(table({"a"}, {{TableCell::integer(3)}}),
            "<div class=\"scroll\"><table>\n<thead><tr><th class=\"n\">a</th></tr></thead>\n<tbody>\n"
            "<tr><td class=\"n\">3</td></tr>\n</tbody></table></div>\n");
  EXPECT_EQ(escape_xml("a\x01\xc3\xa9\xc3\xed\xa0\x80"),
            "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace crc::apps::test
