// Every preset: what it expands to, and one step of its network and recipe against PyTorch in fp64
// (tests/golden/make_ssl.py), built from the configuration as a run builds it.
#include "apps/config/presets.h"

#include <gtest/gtest.h>

#include "apps/config/recipes.h"
#include "apps/train/experiment.h"
#include "ssl/trainer.h"
#include "tests/expect_error.h"
#include "tests/golden/hash.h"

namespace crc::apps::test {
namespace {

using crc::test::expect_close;
using crc::test::expect_rows;
using crc::test::hashed_images;

struct Golden {
  std::string preset;
  int64_t step;  // of the schedule
  int64_t labeled = 4, unlabeled = 8, size = 16, classes = 10;
  std::vector<int32_t> labels = {3, 1, 4, 1};
};
const Golden kGoldens[] = {{"kekmodel", 700},
                           {"kekmodel-early", 700},
                           {"lee-cifar100", 700, 2, 2, 8, 100, {31, 96}},
                           {"perrying-svhn", 123456},
                           {"oliver-svhn", 7},
                           {"perrying-svhn-pi", 450000},
                           {"usb-fixmatch", 700},
                           {"usb-uda", 700},
                           {"usb-pseudo-label", 700},
                           {"usb-flexmatch", 700},
                           {"usb-softmatch", 700},
                           {"usb-freematch", 700},
                           {"usb-refixmatch", 700},
                           {"usb-adamatch", 700},
                           {"usb-dash", 700},
                           {"usb-defixmatch", 700},
                           {"usb-simmatch", 700},
                           {"torchssl-fixmatch", 700},
                           {"torchssl-uda", 700},
                           {"torchssl-pseudo-label", 700},
                           {"torchssl-flexmatch", 700},
                           {"torchssl-softmatch", 700},
                           {"torchssl-freematch", 700}};

class Presets : public ::testing::TestWithParam<Golden> {
 protected:
  // The preset with what the golden step replaces: the slope (make_ssl.py says why), the threshold, a horizon of 1024
  // steps, and a batch of a few hash images.
  static Config config_of(const Golden& golden) {
    Config config;
    for (const std::string& setting : {"preset=" + golden.preset, std::string("model.slope=0.99"),
                                       std::string("ssl.threshold=0.8"), std::string("ssl.horizon_epochs=1")})
      config.merge_setting(setting);
    return config;
  }

  static ssl::Batch batch_of(Context& context, const nn::Net& net, const ssl::TrainConfig& train, const Golden& golden,
                             const Tensor& labels, const Tensor& items) {
    const std::span<const ssl::BatchView> views = ssl::find_method(train.method).views(train);
    int64_t rows = 0;
    for (const ssl::BatchView& view : views) rows += view.rows(golden.labeled, golden.unlabeled);
    const auto x = net.take_input(context, rows, golden.size, golden.size);
    int64_t begin = 0;
    for (uint32_t v = 0; v < views.size(); ++v) {
      const int64_t end = begin + views[v].rows(golden.labeled, golden.unlabeled);
      hashed_images(context, std::get<View<float, 4>>(x).slice(begin, end), 501 + v);
      begin = end;
    }
    return {.images = x,
            .labels = labels.view<const int32_t, 1>(),
            .labeled = golden.labeled,
            .unlabeled = golden.unlabeled,
            .items = items.view<const int64_t, 1>(),
            .labeled_items = items.view<const int64_t, 1>().slice(0, golden.labeled)};
  }
};

TEST_P(Presets, OneStepEqualsPyTorch) {
  const Golden& golden = GetParam();
  const Config config = config_of(golden);
  data::Dataset dataset;
  dataset.class_names.resize(size_t(golden.classes), "");
  const auto net = make_training_net(config, dataset);
  const ssl::TrainConfig train = train_config(config, dataset, 0);
  Context context = Context::cpu();
  const std::vector<uint8_t> pixels(golden.size * golden.size * 3);
  const ssl::ImageSet images(context, 1, golden.size, golden.size, pixels.data(), std::vector<int32_t>{0}.data());
  ssl::Trainer trainer(context, *net, images, {0}, {0}, train);

  nn::TensorFile state;
  trainer.save(state);
  for (nn::TensorEntry& t : state.tensors)
    if (t.name == "step") t.bytes.assign(reinterpret_cast<const char*>(&golden.step), sizeof(int64_t));
  trainer.restore(state, "the middle of the schedule");
  const auto import = [&](const nn::Weights& weights, size_t first) {
    nn::import_weights(context, net->layout(), weights,
                       crc::test::hashed_weights(context, net->layout(), weights, first, 16), "golden weights");
  };
  import(trainer.student(), 0);
  import(trainer.ema(), 1000);
  {
    Arena::Frame frame(context.scratch());
    const Tensor labels = Tensor::from_host(context, {golden.labeled}, golden.labels.data(), "labels");
    const Tensor items(context, {golden.unlabeled}, Dtype::i64, "items");  // zeros: the one image
    trainer.step_on(batch_of(context, *net, train, golden, labels, items));
  }

  const std::string name = "preset." + golden.preset + ".";
  const auto exported = [&](const nn::Weights& w) {
    return nn::export_weights(context, net->layout(), w, nn::Names::kekmodel);
  };
  expect_rows(exported(trainer.student()), name + "student", false);
  expect_rows(exported(trainer.ema()), name + "ema", false);
  state = {};
  trainer.save(state);
  const nn::WeightBuffers memory(context, net->layout(), "optimizer memory");
  for (const auto& [array, part] : {std::pair("momentum", "first"), {"second_moment", "second"}}) {
    if (!state.find(array)) continue;
    context.copy_in(memory.weights().values, state.at(array, "state").values<float>().data());
    expect_rows(exported(memory.weights()), name + part, true);
  }
  EXPECT_EQ(state.find("second_moment") != nullptr, train.optimizer == ssl::Optimizer::adam);
  const std::vector<float> ring = state.at("losses", "state").values<float>();
  const size_t row = size_t(golden.step % train.steps_per_epoch) * ssl::kLossColumns;
  expect_close(std::vector<float>(&ring[row], &ring[row] + 3),
               crc::test::ssl_golden().at(name + "losses", "golden").values<float>(), crc::test::Class::network,
               Dtype::f32, "losses");
}
INSTANTIATE_TEST_SUITE_P(, Presets, ::testing::ValuesIn(kGoldens), [](const auto& info) {
  std::string name = info.param.preset;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(PresetList, EveryPresetHasATitleASourceAndAGoldenStep) {
  for (const Preset& preset : presets()) {
    EXPECT_FALSE(comment_of(preset.text, 0).empty()) << preset.name;
    EXPECT_FALSE(comment_of(preset.text, 1).empty()) << preset.name;
    EXPECT_TRUE(
        std::any_of(std::begin(kGoldens), std::end(kGoldens), [&](const Golden& g) { return g.preset == preset.name; }))
        << preset.name << " has no golden step";
  }
  EXPECT_EQ(presets().size(), std::size(kGoldens));
}

TEST(PresetList, KekmodelIsTheDefaultButForItsLabelledBatchesAndTf32) {
  Config config;
  config.merge_preset("kekmodel", "test");
  EXPECT_EQ(config.differences(Config()), (std::vector<std::string>{"run.precision: \"tf32\", was \"auto\"",
                                                                    "ssl.labeled_sampling: \"expanded\", was \"\""}));
  EXPECT_EQ(config.origin("ssl.mu"), "preset kekmodel:20");
}

TEST(PresetList, FillsWhatNothingElseSetsWhateverTheOrder) {
  const char* kFile = "schema = 1\npreset = \"perrying-svhn\"\n[ssl]\nlr = 1\n";
  Config config;
  config.merge_setting("ssl.batch=7");
  config.merge_toml(kFile, "r.toml");
  EXPECT_EQ(config.get<double>("ssl.lr"), 1);
  EXPECT_EQ(config.get<int64_t>("ssl.batch"), 7);
  EXPECT_EQ(config.get<std::string>("ssl.method"), "mean_teacher");
  EXPECT_FALSE(config.get<bool>("ssl.weak.flip"));
  EXPECT_EQ(config.origin("data.normalize"), "preset perrying-svhn:5");
  config.merge_setting("preset=lee-cifar100");  // replaces the file's
  EXPECT_EQ(config.get<std::string>("ssl.method"), "fixmatch");
  EXPECT_EQ(config.get<int64_t>("model.width"), 8);
  EXPECT_EQ(config.origin("ssl.ramp_steps"), "default");
  EXPECT_EQ(config.get<double>("ssl.lr"), 1);
  Config again;
  again.merge_toml(config.to_toml(), "config.toml");
  EXPECT_EQ(again.hash(), config.hash());
}

TEST(PresetList, Errors) {
  Config config;
  expect_error(ExitCode::config, {"r.toml:2", "unknown preset \"kek\"", "lee-cifar100, "},
               [&] { config.merge_toml("schema = 1\npreset = \"kek\"", "r.toml"); });
  expect_error(ExitCode::config, {"r.toml:2", "preset = \"kekmodel\""},
               [&] { config.merge_toml("schema = 1\npreset = 3", "r.toml"); });
  Config stored;
  stored.merge_toml(config.to_toml(), "config.toml");
  expect_error(ExitCode::config, {"--set preset=kekmodel", "no effect"},
               [&] { resume_config(stored, {"preset=kekmodel"}); });
}

}  // namespace
}  // namespace crc::apps::test
