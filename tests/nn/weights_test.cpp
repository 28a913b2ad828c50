#include <cmath>
#include <map>
#include <set>

#include "nn/init.h"
#include "nn/mlp.h"
#include "nn/weights_info.h"
#include "nn/weights_io.h"
#include "nn/wrn.h"
#include "tests/golden/hash.h"
#include "tests/kernels/arrays.h"

namespace crc::test {
namespace {

using nn::Names;

TEST(WeightsIo, RoundTripsUnderEveryPortsNames) {
  Context context = Context::cpu();
  for (const Names names : {Names::kekmodel, Names::lee, Names::perrying, Names::torchssl, Names::usb}) {
    const auto net = nn::make_wrn({.depth = 16, .width = 2});
    const nn::WeightBuffers a(context, net->layout(), "a"), b(context, net->layout(), "b");
    nn::initialize(context, net->layout(), a.weights(), 3);
    const auto file = nn::export_weights(context, net->layout(), a.weights(), names);
    nn::import_weights(context, net->layout(), b.weights(), file, "file");
    EXPECT_EQ(nn::encode_safetensors(nn::export_weights(context, net->layout(), b.weights(), Names::kekmodel)),
              nn::encode_safetensors(nn::export_weights(context, net->layout(), a.weights(), Names::kekmodel)));
  }
}

// The names that each port's own model class gives its tensors.
TEST(WeightsIo, UsesThePortsNames) {
  Context context = Context::cpu();
  const auto net = nn::make_wrn({});
  const nn::WeightBuffers w(context, net->layout(), "w");
  const auto has = [&](Names names, std::initializer_list<const char*> expected) {
    const auto file = nn::export_weights(context, net->layout(), w.weights(), names);
    EXPECT_EQ(file.tensors.size(), 155u);  // as the ports count them
    for (const char* name : expected) EXPECT_TRUE(file.find(name)) << name;
  };
  has(Names::kekmodel, {"conv1.weight", "block1.layer.0.convShortcut.weight", "block3.layer.3.bn2.running_var",
                        "bn1.num_batches_tracked", "fc.bias"});
  has(Names::usb, {"classifier.weight", "classifier.bias", "bn1.weight"});
  has(Names::perrying,
      {"init_conv.weight", "unit1.0.pre_act.0.weight", "unit1.0.layer.0.weight", "unit1.0.layer.1.running_mean",
       "unit1.0.layer.3.weight", "unit1.0.identity.weight", "unit2.1.layer.0.bias", "unit2.1.layer.2.weight",
       "unit3.0.layer.3.weight", "unit3.0.layer.5.weight", "unit4.0.running_mean", "output.bias"});
}

TEST(WeightsIo, NamesEverythingThatDoesNotFit) {
  Context context = Context::cpu();
  const auto net = nn::make_wrn({}), wider = nn::make_wrn({.width = 4});
  const nn::WeightBuffers a(context, net->layout(), "a"), b(context, wider->layout(), "b");
  const auto refuse = [&](const nn::TensorFile& file) -> std::string {
    try {
      nn::import_weights(context, net->layout(), a.weights(), file, "w.safetensors");
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::corrupt_data);
      return e.what();
    }
    return "no error";
  };
  auto file = nn::export_weights(context, net->layout(), a.weights(), Names::kekmodel);
  file.tensors.erase(file.tensors.begin());
  file.add("extra", {1}, std::vector<float>{1});
  EXPECT_EQ(refuse(file),
            "w.safetensors does not fit this network: missing 'conv1.weight'; unexpected 'extra'; check model.depth, "
            "model.width, model.conv_bias and the number of classes");
  EXPECT_NE(refuse(nn::export_weights(context, wider->layout(), b.weights(), Names::kekmodel))
                .find("is [64,16,3,3], expected [32,16,3,3]"),
            std::string::npos);
}

TEST(WeightsIo, AcceptsAnyPrefixOfAllNames) {
  Context context = Context::cpu();
  const auto net = nn::make_wrn({.depth = 10});
  const nn::WeightBuffers w(context, net->layout(), "w");
  for (const std::string prefix : {"module.", "_orig_mod.", "ema_model.module.", "model.", "my own."}) {
    for (const Names names : {Names::kekmodel, Names::usb, Names::perrying}) {
      auto file = nn::export_weights(context, net->layout(), w.weights(), names);
      for (auto& t : file.tensors) t.name = prefix + t.name;
      file.add("n_averaged", {}, std::vector<int64_t>{7});  // of torch's AveragedModel
      EXPECT_EQ(nn::import_weights(context, net->layout(), w.weights(), file, "file"),
                std::vector<std::string>{"left out the prefix \"" + prefix + "\" of the tensors' names"});
      EXPECT_EQ(nn::describe(file, "file").model.at("depth"), "10");
    }
  }
}

TEST(WeightsIo, NamesTheTensorThatIsNoNumber) {
  const auto net = nn::make_wrn({.depth = 10, .width = 1});
  const nn::ParamLayout& layout = net->layout();
  std::vector<float> values(size_t(layout.total())), running(size_t(layout.running_total()));
  const auto error = [&] {
    try {
      nn::check_values(layout, values, running, "c");
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error(), "no error");
  running[size_t(layout.running()[1].offset)] = -1;  // a mean may be negative
  EXPECT_EQ(error(), "no error");
  running[size_t(layout.running()[1].offset + layout.running()[1].channels + 2)] = -1;
  EXPECT_NE(error().find("c: 'block1.layer.0.bn2.running_var' holds -1.000000 at index 2"), std::string::npos)
      << error();
  values[size_t(layout.offset(0)) + 5] = NAN;
  EXPECT_NE(error().find("'conv1.weight' holds nan at index 5"), std::string::npos) << error();
}

TEST(WeightsInfo, ReadsBackToTheSameBits) {
  nn::WeightsInfo info;
  info.model = {{"depth", "28"}, {"bn_eps", "1e-05"}};
  info.class_names = {"cat", "say \"hi\",\n", "\xc3\xa9"};
  info.classes = 3;
  info.height = 32, info.width = 24;
  info.normalize = NormalizeConfig{{0.49139968f, 1.0f / 3, 0}, {0.1f, 1e-30f, 3}};
  info.precision = "bf16", info.averaged = "student", info.epoch = "best", info.version = "0.1.0";
  nn::TensorFile file;
  file.metadata = nn::to_metadata(info);
  file.metadata["format"] = "pt";  // another program's
  const auto back = nn::from_metadata(nn::decode_safetensors(nn::encode_safetensors(file), "w").metadata, "w");
  EXPECT_EQ(back.model, info.model);
  EXPECT_EQ(back.class_names, info.class_names);
  EXPECT_EQ(back.classes, 3);
  EXPECT_EQ(back.height, 32);
  EXPECT_EQ(back.width, 24);
  for (int c = 0; c < 3; ++c) {
    EXPECT_EQ(back.normalize->mean[c], info.normalize->mean[c]);
    EXPECT_EQ(back.normalize->std[c], info.normalize->std[c]);
  }
  EXPECT_EQ(back.precision + back.averaged + back.epoch + back.version, "bf16studentbest0.1.0");
  EXPECT_FALSE(nn::from_metadata({{"format", "pt"}}, "w").normalize);
}

TEST(WeightsInfo, RefusesWhatDoesNotRead) {
  const std::vector<std::pair<std::string, std::string>> wrong{{"crc.schema", "2"},
                                                               {"crc.input", "32"},
                                                               {"crc.input", "0 3"},
                                                               {"crc.input", "32 9000000000"},
                                                               {"crc.normalize.mean", "0 0 x"},
                                                               {"crc.normalize.std", "0 1 1"},
                                                               {"crc.class_names", std::string(100000, '[')},
                                                               {"crc.class_names", "[1]"},
                                                               {"crc.precision", "fp8"},
                                                               {"crc.colour", "red"}};
  for (const auto& [key, text] : wrong) {
    try {
      nn::from_metadata({{key, text}}, "w");
      ADD_FAILURE() << key;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::corrupt_data);
      EXPECT_NE(std::string(e.what()).find("its metadata says " + key), std::string::npos) << e.what();
    }
  }
}

TEST(WeightsInfo, ShapesTellAllButTheWiring) {
  Context context = Context::cpu();
  const auto shapes = [&](const nn::WrnConfig& config, Names names) {
    const auto net = nn::make_wrn(config);
    const nn::WeightBuffers w(context, net->layout(), "w");
    const nn::WeightsInfo info = nn::describe(nn::export_weights(context, net->layout(), w.weights(), names), "w");
    EXPECT_EQ(info.classes, config.classes);
    return info.model;
  };
  using Model = std::map<std::string, std::string>;
  EXPECT_EQ(shapes({.depth = 16, .width = 2, .classes = 7}, Names::perrying),
            (Model{{"name", "wrn"}, {"depth", "16"}, {"width", "2"}, {"base_channels", "16"}, {"conv_bias", "none"}}));
  EXPECT_EQ(shapes({.depth = 10, .width = 1, .base_channels = 8, .first_stride = 2, .conv_bias = nn::ConvBias::stem},
                   Names::usb),
            (Model{{"name", "wrn"},
                   {"depth", "10"},
                   {"width", "1"},
                   {"base_channels", "8"},
                   {"conv_bias", "stem"},
                   {"first_stride", "2"}}));
  const auto mlp = nn::make_mlp({.inputs = 12, .hidden = {16, 16}, .classes = 3});
  const nn::WeightBuffers w(context, mlp->layout(), "w");
  EXPECT_EQ(nn::describe(nn::export_weights(context, mlp->layout(), w.weights(), Names::kekmodel), "w").model,
            (Model{{"name", "mlp"}, {"depth", "2"}, {"width", "16"}}));
}

TEST(Init, HasTheReferencesSpread) {
  Context context = Context::cpu();
  const auto net = nn::make_wrn({});
  const nn::WeightBuffers w(context, net->layout(), "w");
  nn::initialize(context, net->layout(), w.weights(), 1);
  const auto file = nn::export_weights(context, net->layout(), w.weights(), Names::kekmodel);
  const auto spread = [&](const char* name) {
    const auto v = file.at(name, "file").values<float>();
    double s = 0;
    for (float x : v) s += double(x) * x;
    return std::sqrt(s / double(v.size()));
  };
  // Four standard errors of a sample standard deviation of n normals: 4/sqrt(2n).
  EXPECT_NEAR(spread("block3.layer.1.conv1.weight") / std::sqrt(2.0 / (9 * 128)), 1, 4 / std::sqrt(2.0 * 147456));
  EXPECT_NEAR(spread("fc.weight") / 0.1204, 1, 4 / std::sqrt(2.0 * 1280) + 1e-3);
  EXPECT_EQ(spread("fc.bias"), 0);
  EXPECT_EQ(spread("bn1.weight"), 1);
  EXPECT_EQ(spread("bn1.running_var"), 1);
  EXPECT_EQ(spread("bn1.running_mean"), 0);
}

TEST(Params, KeepsDecayedOnesFirstAndAligned) {
  const auto net = nn::make_wrn({});
  const nn::ParamLayout& layout = net->layout();
  int decayed = 0;
  for (int p = 0; p < int(layout.params().size()); ++p) {
    EXPECT_EQ(layout.offset(p) % 32, 0);
    EXPECT_EQ(layout.offset(p) < layout.decayed(), layout.params()[p].decayed) << layout.params()[p].name;
    decayed += layout.params()[p].decayed;
  }
  EXPECT_EQ(decayed, 29);  // kekmodel: 29 decayed, 51 exempt that receive a gradient
  EXPECT_EQ(int(layout.params().size()) - decayed, 51);
}

// d loss / d parameter by central differences, through a small network with every kind of unit.
void check_gradient(Context& context, const nn::Net& net, int64_t n, int64_t height, int64_t width, Mode mode) {
  const nn::WeightBuffers weights(context, net.layout(), "weights"), grads(context, net.layout(), "gradients");
  nn::initialize(context, net.layout(), weights.weights(), 5);
  const std::vector<float> direction = uniform(n * net.classes(), 11);
  const Tensor features(context, {n, net.feature_dim()}, Dtype::f32, "features"),
      logits(context, {n, net.classes()}, Dtype::f32, "logits");
  const Tensor dlogits = Tensor::from_host(context, {n, net.classes()}, direction.data(), "dlogits");
  Arena::Frame frame(context.scratch());
  const auto x = net.take_input(context, n, height, width);
  hashed_images(context, std::get<View<float, 4>>(x), 77);
  const auto loss = [&] {
    net.forward(context, weights.weights(), x, mode, features.view<float, 2>(), logits.view<float, 2>(), nullptr);
    const auto out = logits.to_host<float>(context);
    double s = 0;
    for (size_t i = 0; i < out.size(); ++i) s += double(out[i]) * direction[i];
    return s;
  };
  const auto saved = net.new_saved();
  net.forward(context, weights.weights(), x, mode, features.view<float, 2>(), logits.view<float, 2>(), saved.get());
  net.backward(context, weights.weights(), grads.weights(), dlogits.view<const float, 2>(), *saved);

  // Along random directions, one per parameter: their derivative is the sum of gradient times direction.
  for (int p = 0; p < int(net.layout().params().size()); ++p) {
    const int64_t begin = net.layout().offset(p), size = net.layout().params()[p].size();
    const auto slice = weights.weights().values.slice(begin, begin + size);
    std::vector<float> w(size), g(size), moved(size);
    context.copy_out(w.data(), slice);
    context.copy_out(g.data(), grads.weights().values.slice(begin, begin + size));
    const std::vector<float> d = uniform(size, 100 + p);
    double expected = 0, norm = 0;
    for (int64_t i = 0; i < size; ++i) expected += double(g[i]) * d[i], norm += double(g[i]) * g[i];
    const float step = 1e-3f;
    const auto at = [&](float s) {
      for (int64_t i = 0; i < size; ++i) moved[i] = w[i] + s * d[i];
      context.copy_in(slice, moved.data());
      return loss();
    };
    const double numeric = (at(step) - at(-step)) / (2.0 * step);
    at(0);
    // fp32 rounding of the loss over the step, and kinks of the activation crossed within it.
    EXPECT_NEAR(numeric, expected, 0.02 * std::sqrt(norm) * std::sqrt(double(size)) + 0.02)
        << net.layout().params()[p].name;
  }
}

TEST(Mlp, GradientEqualsDifferences) {
  Context context = Context::cpu();
  check_gradient(context, *nn::make_mlp({.inputs = 12, .hidden = {16, 8}, .classes = 3}), 5, 2, 2, Mode::train);
}

TEST(WrnGradient, EqualsDifferencesInEveryMode) {
  Context context = Context::cpu();
  for (const Mode mode : {Mode::train_frozen_stats, Mode::eval})
    for (const nn::Wiring wiring : {nn::Wiring::raw_x, nn::Wiring::shared_act, nn::Wiring::preact})
      check_gradient(context,
                     *nn::make_wrn({.depth = 10,
                                    .width = 1,
                                    .classes = 3,
                                    .wiring = wiring,
                                    .base_channels = 8,
                                    .conv_bias = nn::ConvBias::all}),
                     4, 8, 8, mode);
}

}  // namespace
}  // namespace crc::test
