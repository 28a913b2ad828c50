// Configurations, recipes and the JSON files of runs that are no such thing: a message with the file and the line,
// never a crash.
#include <random>

#include "apps/config/config.h"
#include "apps/config/recipes.h"
#include "apps/sweep/sweep_spec.h"
#include "kernels/core/error.h"
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

std::string times(int count, const std::string& piece) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

class ConfigCrash : public Outside {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(folder + "/" + name).parent_path());
    std::ofstream(folder + "/" + name, std::ios::binary) << text;
    return folder + "/" + name;
  }
};

TEST_F(ConfigCrash, MalformedTablesAndBombs) {
  for (const auto& [text, words] : {
           std::pair<std::string, std::string>{"[\n", ".toml:2: a table's name is missing after \"[\""},
           {"[[\n", ".toml:2: a table's name is missing"},
           {"[.]\n", ".toml:2: a table's name is missing"},
           {"[#]\n", ".toml:2: a table's name is missing"},
           {"# x\n\t[ = 1\n", ".toml:3: a table's name is missing"},
           {"\xc2\xa0[\n", ".toml:2: "},
           {"a = [\"\"\"x\"\"\"\"]\n[\n", ".toml:3: a table's name is missing"},
           {times(200'000, "a.") + "a = 1\n", ".toml:2: a key of more than 16 parts"},
           {"[" + times(200'000, "a.") + "a]\n", ".toml:2: a key of more than 16 parts"},
           {"a = " + times(200'000, "["), ".toml:2: values are nested more than 16 deep"},
           {"a = " + times(100'000, "{a="), ".toml:2: values are nested more than 16 deep"},
           {"a = 1 # " + times(1'100'000, "x"), "is larger than 1048576 bytes"},
           {times(100'000, "a") + " = 1\n", "unknown key \"aaa"},
           {"[sweep\n", ".toml:2: "},
           {"a = \"\\u", ".toml:2: "},
           {"\xff\xfe", ".toml:"},
       }) {
    SCOPED_TRACE(text.substr(0, 40));
    const std::string file = write("r.toml", "schema = 1\n" + text);
    EXPECT_LT(expect("run " + file + " --dry-run", 78, words).size(), 500u);
    expect("sweep " + file + " --dry-run --out " + folder + "/s", 78, "r.toml");
  }
  expect("run --dry-run --set " + times(100'000, "a") + "=1", 78, "unknown key \"aaa");
  EXPECT_LT(expect("run --dry-run --set ssl.mu=" + times(100'000, "7"), 78, "ssl.mu").size(), 500u);
}

// What a person may write is not refused by what guards the parser.
TEST_F(ConfigCrash, WhatIsAllowedStaysAllowed) {
  apps::Config config;
  config.merge_toml(
      "schema = 1 # [ { \"\n[ run ]\nname = \"\"\"a\n[\n\"\"b\"\"\"\"\"\n[ \"ssl\" . 'weak' ]\ncrop_pad = 3\n"
      "[data]\ndir = '[[' \nname = '''\n[x'''\n",
      "r.toml");
  EXPECT_EQ(config.get<std::string>("run.name"), "a\n[\n\"\"b\"\"");
  EXPECT_EQ(config.get<int64_t>("ssl.weak.crop_pad"), 3);
  EXPECT_EQ(config.get<std::string>("data.dir"), "[[");
}

// In a run of an earlier version, whose files no manifest guards before they are parsed.
TEST_F(ConfigCrash, JsonOfARunNestedWithoutEnd) {
  const std::string at = folder + "/run";
  fs::copy(CRC_SOURCE_DIR "/tests/golden/run-schema-1", at, fs::copy_options::recursive);
  const std::string deep = times(100'000, "[") + times(100'000, "]"), keys = times(100'000, "{\"a\":");
  for (const auto& [file, text, command] :
       {std::tuple<std::string, std::string, std::string>{"run.json", "{\"schema\":1,\"libraries\":" + deep + "}",
                                                          "report"},
        {"run.json", keys, "resume"},
        {"run.json", "{\"schema\":1,\"host\":\"\xff\"}", "report"},
        {"ckpt/index.json", "{\"schema\":1,\"checkpoints\":" + deep + "}", "resume"},
        {"metrics.jsonl", "{\"round\":" + deep + "}\n", "report"},
        {"rounds/00/scores.json", deep, "report"},
        {"labels.jsonl", deep + "\n", "report"}}) {
    const bool had = fs::exists(at + "/" + file);
    const std::string before = had ? read(at + "/" + file) : "";
    write("run/" + file, text);
    EXPECT_LT(expect(command + " " + at, 65, file).size(), 500u);
    had ? write("run/" + file, before) : std::to_string(fs::remove(at + "/" + file));
  }
  write("s/recipe.toml", "schema = 1\n");
  write("s/sweep.json", "{\"recipe\":" + deep + "}");
  expect("report " + folder + "/s", 65, "sweep.json");
}

// Recipes with bytes changed, removed, repeated: an Error or a configuration. (Longer: `CRC_FUZZ=200000`.)
TEST_F(ConfigCrash, DamagedRecipes) {
  const char* const wanted = std::getenv("CRC_FUZZ");
  const int count = wanted ? std::atoi(wanted) : 3000;
  const std::string signs = "[]{}.=,#\"'\\\n\r\t 0a-_\xc2\xa0\xef\xbb\xbf";
  std::mt19937 random(1);
  const auto below = [&](size_t n) { return size_t(random() % n); };
  int accepted = 0;
  for (int i = 0; i < count; ++i) {
    std::string text = apps::recipes()[below(apps::recipes().size())].text;
    if (below(2) == 0) text = text.substr(0, below(300));
    for (size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
      const size_t at = below(text.size());
      const std::string sign(1, signs[below(signs.size())]);
      switch (below(4)) {
        case 0:
          text[at] = sign[0];
          break;
        case 1:
          text.insert(at, sign);
          break;
        case 2:
          text.erase(at, 1 + below(20));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(40)));
      }
    }
    for (const bool sweep : {false, true}) try {
        if (sweep) {
          apps::parse_sweep(text, "r.toml");
        } else {
          apps::Config().merge_toml(text, "r.toml");
        }
        ++accepted;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::config) << error.what() << "\n" << text;
      }
  }
  EXPECT_GT(accepted, count / 20);
}

}  // namespace
}  // namespace crc::test
