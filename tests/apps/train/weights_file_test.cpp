// What weights files, runs and data sets say about each other.
#include "apps/train/weights_file.h"

#include <nlohmann/json.hpp>

#include "apps/rundir/run_state.h"
#include "tests/expect_error.h"

namespace crc::test {
namespace {

using namespace crc::apps;
using apps::test::expect_error;

data::Dataset digits() { return data::load({"street_digits", "", {{"train", "60"}, {"test", "20"}}}); }

TEST(WeightsFile, TheConfigurationTakesWhatTheFileSays) {
  WeightsFile file{"w", {}, {}};
  file.info.model = {{"name", "wrn"}, {"depth", "10"}, {"wiring", "preact"}, {"bn_eps", "0.001"}};
  Config config;
  const Assumptions assumed = adopt_network(config, file);
  EXPECT_EQ(config.get<int64_t>("model.depth"), 10);
  EXPECT_EQ(config.get<std::string>("model.wiring"), "preact");
  EXPECT_EQ(config.get<double>("model.bn_eps"), 0.001);
  EXPECT_EQ(config.origin("model.depth"), "w");
  EXPECT_EQ(to_text(assumed),
            "model.base_channels = 16, model.bn_offset = 0.0, model.conv_bias = none, model.first_stride = 1, "
            "model.slope = 0.1, model.width = 2");
}

TEST(WeightsFile, WhatSomebodySetMustBeWhatTheFileSays) {
  WeightsFile file{"w", {}, {}};
  file.info.model = {{"name", "wrn"}, {"slope", "0.1"}};
  Config same, other, preset;
  same.merge_setting("model.slope=0.10");
  EXPECT_FALSE(adopt_network(same, file).count("model.slope"));
  other.merge_setting("model.slope=0.2");
  expect_error(ExitCode::config, {"model.slope = 0.2 (--set), but w is of a network with model.slope = 0.1"},
               [&] { adopt_network(other, file); });
  preset.merge_setting("preset=perrying-svhn");
  EXPECT_FALSE(adopt_network(preset, file).count("model.wiring"));  // a preset is somebody
}

TEST(WeightsFile, EveryDifferenceIsNamedAtOnce) {
  const data::Dataset data = digits();
  const Config config;
  WeightsFile file{"w", {}, weights_info(config, data)};
  EXPECT_NO_THROW(check_fits(file, weights_info(config, data), ExitCode::config, "advice"));
  file.info.model["depth"] = "10";
  file.info.height = 32;
  file.info.normalize->mean[1] = 0.25f;
  file.info.class_names = {"a", "b"};
  file.info.classes = 2;
  expect_error(ExitCode::config,
               {"w does not fit: model.depth = 10 in the file, 28 here", "images of 32x16 in the file, 16x16 here",
                "normalisation mean", "classes: 2 in the file [a, b], 10 here", "; advice"},
               [&] { check_fits(file, weights_info(config, data), ExitCode::config, "advice"); });
}

TEST(WeightsFile, ARunKeepsItsNormalisation) {
  data::Dataset data = digits();
  const nlohmann::ordered_json recorded = {{"normalize", {{"mean", {0.1f, 0.2f, 0.3f}}, {"std", {0.4f, 0.5f, 0.6f}}}}};
  EXPECT_EQ(run_normalization(recorded, data).std[2], 0.6f);
  EXPECT_EQ(run_normalization({{"schema", 1}}, data).mean[0], data.normalize.mean[0]);
  data.normalize_before = data::NormalizeStats{{0.7f, 0.7f, 0.7f}, {0.7f, 0.7f, 0.7f}};
  EXPECT_EQ(run_normalization({{"schema", 1}}, data).mean[0], 0.7f);  // begun before run.json said it
  EXPECT_EQ(run_normalization(recorded, data).mean[0], 0.1f);
  expect_error(ExitCode::corrupt_data, {"run.json"}, [&] { run_normalization({{"normalize", {1, 2}}}, data); });
}

}  // namespace
}  // namespace crc::test
