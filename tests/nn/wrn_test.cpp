// WRN-28-2 against PyTorch in fp64 (tests/golden/make_wrn.py), for the three wirings.
#include "nn/wrn.h"

#include <cstdlib>

#include "kernels/ops/softmax_ce.h"
#include "nn/init.h"
#include "tests/golden/hash.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

struct WiringCase {
  nn::Wiring wiring;
  const char* name;
};
constexpr WiringCase kWirings[] = {
    {nn::Wiring::raw_x, "raw_x"}, {nn::Wiring::shared_act, "shared_act"}, {nn::Wiring::preact, "preact"}};

class Wrn : public OnDevice {
 protected:
  // Runs the golden case of one wiring with the weights given by `fill`.
  template <class Fill> void compare(const WiringCase& c, Fill fill, const nn::TensorFile* full_gradients) {
    const auto net = nn::make_wrn({.wiring = c.wiring});
    const nn::WeightBuffers weights(context, net->layout(), "weights"), grads(context, net->layout(), "gradients");
    nn::import_weights(context, net->layout(), weights.weights(), fill(*net, weights.weights()), "golden weights");
    const std::string prefix = std::string(c.name) + ".";

    Arena::Frame frame(context.scratch());
    const auto x = net->take_input(context, 4, 32, 32);
    hashed_images(context, std::get<View<float, 4>>(x), 500);
    const Tensor features(context, {4, 128}, Dtype::f32, "features"), logits(context, {4, 10}, Dtype::f32, "logits");
    net->forward(context, weights.weights(), x, Mode::eval, features.view<float, 2>(), logits.view<float, 2>(),
                 nullptr);
    near(features, prefix + "eval.features");
    near(logits, prefix + "eval.logits");

    const auto saved = net->new_saved();
    net->forward(context, weights.weights(), x, Mode::train, features.view<float, 2>(), logits.view<float, 2>(),
                 saved.get());
    near(logits, prefix + "train.logits");
    const std::vector<int32_t> labels{3, 1, 4, 1};
    const Tensor y = Tensor::from_host(context, {4}, labels.data(), "labels"),
                 losses(context, {4}, Dtype::f32, "losses");
    softmax_ce(context, logits.view<float, 2>(), losses.view<float, 1>(), logits.view<const float, 2>(),
               y.view<const int32_t, 1>(), 0.25f);
    net->backward(context, weights.weights(), grads.weights(), logits.view<const float, 2>(), *saved);

    const auto after = nn::export_weights(context, net->layout(), weights.weights(), nn::Names::kekmodel);
    EXPECT_EQ(expect_summaries(after, wrn_golden(), prefix + "buffer."), 50);
    const auto gradients = nn::export_weights(context, net->layout(),
                                              {grads.weights().values, weights.weights().running}, nn::Names::kekmodel);
    EXPECT_EQ(expect_summaries(gradients, wrn_golden(), prefix + "grad."), 81);
    if (!full_gradients) return;
    for (const nn::TensorEntry& g : full_gradients->tensors)
      expect_close(gradients.at(g.name, "gradients").values<float>(), g.values<float>(), Class::network, Dtype::f32,
                   g.name.c_str());
  }

 private:
  void near(const Tensor& actual, const std::string& name) {
    expect_close(actual.to_host<float>(context), wrn_golden().at(name, "golden").values<double>(), Class::network,
                 Dtype::f32, name.c_str());
  }
};

TEST_P(Wrn, LogitsAndGradientsEqualPyTorch) {
  for (const WiringCase& c : kWirings) {
    SCOPED_TRACE(c.name);
    compare(
        c, [&](const nn::Net& net, const nn::Weights& w) { return hashed_weights(context, net.layout(), w); }, nullptr);
  }
}

// The same from safetensors files of PyTorch's own weights, gradient by gradient: make_wrn.py --full DIR.
TEST_P(Wrn, EveryGradientElementEqualsPyTorch) {
  const char* dir = std::getenv("CRC_GOLDEN_DIR");
  if (!dir) GTEST_SKIP() << "CRC_GOLDEN_DIR is not set (tests/golden/make_wrn.py --full DIR makes one)";
  for (const WiringCase& c : kWirings) {
    SCOPED_TRACE(c.name);
    const std::string weights = std::string(dir) + "/weights." + c.name + ".safetensors";
    const std::string grads = std::string(dir) + "/grads." + c.name + ".safetensors";
    const auto gradients = nn::decode_safetensors(read_bytes(grads), grads);
    compare(
        c, [&](const nn::Net&, const nn::Weights&) { return nn::decode_safetensors(read_bytes(weights), weights); },
        &gradients);
  }
}

TEST_P(Wrn, CountsItsParametersAsThePortsDo) {
  for (const WiringCase& c : kWirings) {
    EXPECT_EQ(nn::make_wrn({.wiring = c.wiring})->layout().count(), 1467610);
    EXPECT_EQ(nn::make_wrn({.classes = 100, .wiring = c.wiring})->layout().count(), 1479220);
    EXPECT_EQ(nn::make_wrn({.width = 8, .classes = 100, .wiring = c.wiring})->layout().count(), 23401012);
  }
  EXPECT_EQ(nn::make_wrn({.conv_bias = nn::ConvBias::all})->layout().count(), 1469642);  // TorchSSL
  EXPECT_EQ(nn::make_wrn({.conv_bias = nn::ConvBias::stem})->layout().count(), 1467626);
}

TEST(WrnConfig, RefusesOtherDepths) {
  try {
    nn::make_wrn({.depth = 27});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::config);
    EXPECT_STREQ(e.what(), "model.depth = 27 is not a WRN depth; use 6n + 4: 10, 16, 22, 28, 34, 40");
  }
}

CRC_ON_EACH_DEVICE(Wrn);

}  // namespace
}  // namespace crc::test
