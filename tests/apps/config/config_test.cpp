#include "apps/config/config.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <set>

#include "apps/config/budgets.h"
#include "apps/config/recipes.h"
#include "apps/rundir/run_dir.h"
#include "tests/apps/scratch_dir.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

void expect_refused(const std::string& toml, const std::vector<std::string>& pieces) {
  SCOPED_TRACE(toml);
  Config config;
  expect_error(ExitCode::config, pieces, [&] { config.merge_toml("schema = 1\n" + toml, "r.toml"); });
}

TEST(Config, EveryDefaultIsAllowedAndEveryKeyIsDocumented) {
  std::set<std::string> seen;
  for (const ConfigKey& key : config_schema()) {
    EXPECT_TRUE(is_allowed(key, key.fallback)) << key.path;
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_TRUE(seen.insert(key.path).second) << key.path << " is listed twice";
  }
}

TEST(Config, FileOverridesDefaultEnvironmentOverridesFileSettingOverridesAll) {
  ScratchDir dir;
  commit_file(dir / "r.toml", "schema = 1\n[run]\nseed = 1\nthreads = 2\n[ssl]\nlr = 1\nweak.flip = false\n");
  ::setenv("CRC_SEED", "5", 1);
  ::setenv("CRC_DEVICE", "cuda:1", 1);
  ::unsetenv("CRC_THREADS");
  ::setenv("CRC_DATA_DIR", "", 1);  // empty is unset
  const Config config = resolve_recipe((dir / "r.toml").string(), {"run.device=cpu", "ssl.strong=cutout"});
  ::unsetenv("CRC_SEED");
  ::unsetenv("CRC_DEVICE");
  EXPECT_EQ(config.get<int64_t>("run.seed"), 5);
  EXPECT_EQ(config.origin("run.seed"), "CRC_SEED");
  EXPECT_EQ(config.get<std::string>("run.device"), "cpu");
  EXPECT_EQ(config.origin("run.device"), "--set");
  EXPECT_EQ(config.get<int64_t>("run.threads"), 2);
  EXPECT_EQ(config.origin("run.threads"), (dir / "r.toml").string() + ":4");
  EXPECT_EQ(config.get<double>("ssl.lr"), 1.0);  // an integer is a fine number
  EXPECT_FALSE(config.get<bool>("ssl.weak.flip"));
  EXPECT_EQ(config.origin("data.dir"), "default");
}

TEST(Config, UnknownNamesGetTheNearestOnes) {
  expect_refused("ssl.mue = 7", {"r.toml:2", "unknown key \"ssl.mue\"", "did you mean ssl.mu"});
  expect_refused("[ssl]\n\nlearning = 1", {"r.toml:4", "unknown key \"ssl.learning\"", "docs/config.md"});
  expect_refused("[sll]\nmu = 7", {"r.toml:2", "unknown section \"sll\"", "ssl"});
  expect_refused("[model]\nmu = 7", {"unknown key \"model.mu\"", "ssl.mu"});  // right word, wrong section
  expect_refused("ssl = 3", {"\"ssl\" is a section", "[ssl]"});
  expect_refused("[[ssl]]\nmu = 3", {"\"ssl\" is a section"});
  Config config;
  expect_error(ExitCode::config, {"--set ssl.tresholt=1", "ssl.threshold"},
               [&] { config.merge_setting("ssl.tresholt=1"); });
}

TEST(Config, WrongValuesNameThePlaceTheValueAndWhatIsAllowed) {
  expect_refused("ssl.mu = \"seven\"", {"r.toml:2", "ssl.mu = \"seven\"", "an integer from 1 to 64"});
  expect_refused("ssl.mu = 7.5", {"ssl.mu = 7.5", "an integer"});
  expect_refused("ssl.mu = 65", {"ssl.mu = 65", "from 1 to 64"});
  expect_refused("ssl.lr = true", {"ssl.lr = true", "a number from 0 to 100"});
  expect_refused("ssl.lr = nan", {"ssl.lr = nan", "a number"});
  expect_refused("ssl.nesterov = 1", {"ssl.nesterov = 1", "true or false"});
  expect_refused("model.name = \"resnet\"", {"model.name = \"resnet\"", "one of \"wrn\", \"mlp\""});
  expect_refused("run.device = \"cuda:x\"", {"run.device", "\"cuda:N\""});
  expect_refused("[ssl.mu]\na = 1", {"ssl.mu", "an integer"});
  expect_refused("ssl.mu = [1, 2]", {"ssl.mu", "an integer"});
  expect_refused("ssl.mu =", {"r.toml:2"});
  expect_refused("ssl.mu = 1\nssl.mu = 2", {"r.toml:3"});
  Config config;
  auto refuse_setting = [&](const char* setting, const std::vector<std::string>& pieces) {
    expect_error(ExitCode::config, pieces, [&] { config.merge_setting(setting); });
  };
  refuse_setting("ssl.mu=7x", {"--set ssl.mu=7x", "\"7x\"", "an integer from 1 to 64"});
  refuse_setting("ssl.nesterov=yes", {"true or false"});
  refuse_setting("ssl.lr=inf", {"a number from 0 to 100"});
  refuse_setting("ssl.mu", {"key=value"});
  ::setenv("CRC_THREADS", "many", 1);
  expect_error(ExitCode::config, {"environment CRC_THREADS", "\"many\"", "an integer"},
               [&] { config.merge_environment(); });
  ::unsetenv("CRC_THREADS");
  config.merge_setting("run.device=cuda:12");
}

TEST(Config, FilesOfSchema1MeanFp32) {
  Config old, now;
  old.merge_toml("schema = 1\n", "r.toml");
  EXPECT_EQ(old.get<std::string>("run.precision"), "fp32");
  EXPECT_EQ(old.origin("run.precision"), "r.toml (schema 1)");
  now.merge_toml("schema = 2\n", "r.toml");
  EXPECT_EQ(now.get<std::string>("run.precision"), "auto");
}

TEST(Config, SchemaIsRequired) {
  Config config;
  expect_error(ExitCode::config, {"r.toml", "schema = 2"}, [&] { config.merge_toml("[ssl]\nmu = 7", "r.toml"); });
  expect_error(ExitCode::config, {"r.toml:2", "schema = 3"}, [&] { config.merge_toml("\nschema = 3", "r.toml"); });
}

TEST(Config, TheResolvedTextReadsBack) {
  Config config;
  config.merge_setting("ssl.lr=0.1");
  config.merge_setting("ssl.weight_decay=1e-10");
  config.merge_setting("model.bn_eps=0.00001");
  config.merge_setting("run.name=a \"b\" \\ c\t# d\x7f \xc3\xa9");
  config.merge_setting("ssl.weak.padding=zero");
  Config again;
  again.merge_toml(config.to_toml(), "config.toml");
  for (const ConfigKey& key : config_schema()) EXPECT_NE(again.origin(key.path), "default") << key.path;
  EXPECT_EQ(again.hash(), config.hash());
  EXPECT_TRUE(again.differences(config).empty());
  EXPECT_EQ(again.get<std::string>("run.name"), config.get<std::string>("run.name"));
  EXPECT_EQ(again.get<double>("ssl.lr"), 0.1);
  EXPECT_THAT(config.to_toml(), ::testing::ContainsRegex("lr = 0.1 +# --set\n"));
  EXPECT_THAT(config.to_toml(), ::testing::ContainsRegex("mu = 7 +# default\n"));
}

TEST(Config, TheHashNamesTheExperimentNotThePlace) {
  Config a, b;
  b.merge_setting("run.device=cpu");
  b.merge_setting("run.threads=3");
  EXPECT_EQ(a.hash(), b.hash());
  b.merge_setting("run.seed=1");
  EXPECT_NE(a.hash(), b.hash());
  EXPECT_THAT(b.differences(a), ::testing::ElementsAre("run.seed: 1, was 0"));
}

TEST(Config, AResumedRunMayMoveButNotChange) {
  Config stored;
  ::setenv("CRC_SEED", "9", 1);
  const Config moved = resume_config(stored, {"run.device=cpu"});
  ::unsetenv("CRC_SEED");
  EXPECT_EQ(moved.get<std::string>("run.device"), "cpu");
  EXPECT_EQ(moved.get<int64_t>("run.seed"), 0);
  expect_error(ExitCode::config, {"ssl.mu: 5, was 7", "new run"}, [&] { resume_config(stored, {"ssl.mu=5"}); });
}

TEST(Config, AResumedRunListensToTheEnvironmentUnlessSetSaidIt) {
  Config config;
  config.merge_setting("data.dir=/by/set");
  config.merge_setting("run.name=a = b # --set");
  const Config stored = Config::of_run(config.to_toml(), "config.toml");
  EXPECT_EQ(stored.origin("data.dir"), "--set");
  EXPECT_EQ(stored.origin("ssl.weak.flip"), "default");
  ::setenv("CRC_DATA_DIR", "/by/environment", 1);
  ::setenv("CRC_THREADS", "3", 1);
  const Config moved = resume_config(stored, {});
  const Config again = resume_config(stored, {"data.dir=/again"});
  ::unsetenv("CRC_DATA_DIR");
  ::unsetenv("CRC_THREADS");
  EXPECT_EQ(moved.get<std::string>("data.dir"), "/by/set");
  EXPECT_THAT(moved.moves(stored), ::testing::ElementsAre("run.threads: 3 (CRC_THREADS), was 0"));
  EXPECT_THAT(again.moves(stored), ::testing::Contains("data.dir: \"/again\" (--set), was \"/by/set\""));
}

// What a run of version 0.1.0 wrote, and the hash that it computed.
TEST(Config, ARunOfAnEarlierVersionIsTheSameExperiment) {
  const fs::path run = fs::path(CRC_SOURCE_DIR) / "tests/golden/earlier_run/run";
  const Config config = Config::of_run(read_file(run / "config.toml"), "config.toml");
  EXPECT_EQ(config.get<std::string>("data.validation"), "any");
  EXPECT_EQ(config.hash(), read_run_json(run)["config_hash"]);
  Config now = Config::of_run(config.to_toml(), "config.toml");
  EXPECT_TRUE(now.differences(config).empty());
  now.merge_setting("data.validation=labeled");
  EXPECT_THAT(now.differences(config), ::testing::ElementsAre("data.validation: \"labeled\", was \"any\""));
  EXPECT_NE(now.hash(), config.hash());
}

TEST(Config, AKeyWithoutASayMakesNoDifference) {
  Config a, b;
  b.merge_setting("data.validation=any");
  EXPECT_EQ(a.hash(), b.hash());
  EXPECT_TRUE(b.differences(a).empty());
}

TEST(Config, AKeyThatTheSchemaDoesNotHaveIsAnInternalError) {
  const Config config;
  expect_error(ExitCode::internal, {"ssl.colour"}, [&] { config.get<int64_t>("ssl.colour"); });
  expect_error(ExitCode::internal, {"ssl.mu"}, [&] { config.get<double>("ssl.mu"); });
}

TEST(Config, AMethodsPaperSpeaksWhereNothingElseDoes) {
  Config config;
  config.merge_overrides({"ssl.method=uda", "ssl.temperature=1"});
  EXPECT_EQ(config.get<double>("ssl.threshold"), 0.8);
  EXPECT_EQ(config.origin("ssl.threshold"), "method uda");
  EXPECT_EQ(config.get<double>("ssl.temperature"), 1) << "somebody said so";
  const Config stored = Config::of_run(config.to_toml(), "config.toml");
  EXPECT_EQ(stored.hash(), config.hash());
  EXPECT_TRUE(resume_config(stored, {}).differences(stored).empty());
  config.merge_overrides({"ssl.method=pseudo_label"});  // a sweep's next cell
  EXPECT_EQ(config.get<double>("ssl.threshold"), 0.95);
  EXPECT_EQ(config.origin("ssl.threshold"), "default");
  EXPECT_EQ(config.get<int64_t>("ssl.mu"), 1);
  config.merge_overrides({"preset=usb-uda"});
  EXPECT_EQ(config.get<std::string>("ssl.method"), "pseudo_label") << "--set is stronger than a preset";
  EXPECT_EQ(config.get<int64_t>("ssl.mu"), 7) << "the preset is stronger than the method";
  Config fixmatch, before;
  fixmatch.merge_overrides({"ssl.method=fixmatch"});
  EXPECT_EQ(fixmatch.hash(), before.hash()) << "FixMatch's are those of this program";
}

// CRC_UPDATE_DOCS=1 writes the file anew.
TEST(Config, BudgetsSayHowManyQueriesThereAre) {
  Config config;
  config.merge_overrides({"acquisition.rounds=9", "acquisition.budgets= 20  50 100"});
  EXPECT_EQ(config.get<int64_t>("acquisition.rounds"), 3);
  EXPECT_EQ(config.origin("acquisition.rounds"), "acquisition.budgets");
  EXPECT_EQ(labels_after(config, 10, 0), 10);
  EXPECT_EQ(labels_after(config, 10, 1), 20);
  EXPECT_EQ(labels_after(config, 10, 3), 100);
  config.merge_overrides({"acquisition.rounds=0"});
  EXPECT_EQ(config.get<int64_t>("acquisition.rounds"), 0) << "no query at all";
  EXPECT_EQ(labels_after(Config(), 10, 3), 160) << "acquisition.budget each";
  for (const std::string wrong : {"20 20", "50 20", "20 x", "20.5", "-1", "0", "20,50", "99999999999999999999"})
    expect_error(ExitCode::config, {"acquisition.budgets = \"" + wrong + "\""},
                 [&] { Config().merge_overrides({"acquisition.budgets=" + wrong}); });
}

TEST(Config, TheManualIsCurrent) {
  const fs::path path = fs::path(CRC_SOURCE_DIR) / "docs/config.md";
  if (::getenv("CRC_UPDATE_DOCS")) commit_file(path, config_markdown());
  EXPECT_EQ(read_file(path), config_markdown()) << "update it with: CRC_UPDATE_DOCS=1 build/tests/apps_test";
}

}  // namespace
}  // namespace crc::apps::test
