// Per-sample Jacobians against PyTorch's autograd in fp64 (tests/golden/make_ntk.py), and against the nets' own
// backward.
#include "nn/jacobian.h"

#include <map>

#include "nn/init.h"
#include "nn/mlp.h"
#include "nn/wrn.h"
#include "tests/golden/hash.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

constexpr int64_t kClasses = 3, kImages = 3;

const nn::TensorFile& ntk_golden() {
  static const std::string path = CRC_SOURCE_DIR "/tests/golden/ntk.safetensors";
  static const nn::TensorFile file = nn::decode_safetensors(read_bytes(path), path);
  return file;
}

struct Golden {
  const char* name;
  std::unique_ptr<nn::Net> net;
  int64_t extent;
  uint32_t stream;
};

std::vector<Golden> goldens() {
  std::vector<Golden> all;
  const std::pair<const char*, nn::Wiring> wirings[] = {
      {"raw_x", nn::Wiring::raw_x}, {"shared_act", nn::Wiring::shared_act}, {"preact", nn::Wiring::preact}};
  for (const auto& [name, wiring] : wirings)
    all.push_back(
        {name, nn::make_wrn({.depth = 10, .classes = kClasses, .wiring = wiring, .base_channels = 4}), 9, 700});
  all.push_back(
      {"biased",
       nn::make_wrn({.depth = 10, .width = 1, .classes = kClasses, .base_channels = 4, .conv_bias = nn::ConvBias::all}),
       8, 701});
  all.push_back({"mlp", nn::make_mlp({.inputs = 27, .hidden = {8, 7}, .classes = kClasses}), 3, 702});
  return all;
}

template <class T> using Blocks = std::map<int, std::vector<T>>;  // parameter -> [N,C,P]

class Jacobians : public OnDevice {
 protected:
  template <class T>
  Blocks<T> jacobians(const nn::Net& net, const nn::Weights& weights, View<const float, 4> x,
                      const std::vector<bool>& wanted) {
    Blocks<T> blocks;
    nn::Jacobian<T>(net).compute(context, weights, x, wanted, [&](int param, View<const T, 3> j) {
      EXPECT_EQ(j.shape[2], net.layout().params()[param].size());
      std::vector<T> host(j.size());
      context.copy_out(host.data(), j);
      EXPECT_TRUE(blocks.emplace(param, std::move(host)).second) << "twice";
    });
    return blocks;
  }
  static std::vector<bool> all_of(const nn::Net& net) { return std::vector<bool>(net.layout().params().size(), true); }

  // The kernel over all logits, and every parameter's share, against the golden file.
  template <class T> void compare(const Golden& g, double allowed) {
    SCOPED_TRACE(g.name);
    const nn::WeightBuffers buffers(context, g.net->layout(), "weights");
    const nn::Weights weights = buffers.weights();
    nn::import_weights(context, g.net->layout(), weights, hashed_weights(context, g.net->layout(), weights), "golden");
    const Tensor x(context, {kImages, g.extent, g.extent, 3}, Dtype::f32, "images");
    hashed_images(context, x.view<float, 4>(), g.stream);
    const std::string prefix = std::string(g.name) + ".";

    const Blocks<T> blocks = jacobians<T>(*g.net, weights, x.view<const float, 4>(), all_of(*g.net));
    constexpr int64_t kRows = kImages * kClasses;
    std::vector<double> kernel(kRows * kRows);
    size_t used = 0;
    for (const auto& [param, j] : blocks) {
      const nn::ParamSpec& spec = g.net->layout().params()[param];
      const int64_t p = spec.size();
      const auto norms = ntk_golden().at(prefix + "norm." + spec.name, "golden").values<double>();
      for (int64_t a = 0; a < kRows; ++a)
        for (int64_t b = 0; b < kRows; ++b) {
          double total = 0;
          for (int64_t k = 0; k < p; ++k) total += double(j[a * p + k]) * double(j[b * p + k]);
          kernel[a * kRows + b] += total;
          if (a != b) continue;
          EXPECT_NEAR(std::sqrt(total), norms[a], allowed * (norms[a] + 1e-3)) << spec.name << " row " << a;
        }
      ++used;
    }
    size_t expected_used = 0;
    for (const auto& t : ntk_golden().tensors) expected_used += t.name.starts_with(prefix + "norm.");
    EXPECT_EQ(used, expected_used);
    const auto expected = ntk_golden().at(prefix + "kernel", "golden").values<double>();
    const double scale = *std::ranges::max_element(expected);
    double worst = 0;
    for (size_t k = 0; k < kernel.size(); ++k) worst = std::max(worst, std::abs(kernel[k] - expected[k]) / scale);
    EXPECT_LE(worst, allowed);
    char worst_text[32];
    snprintf(worst_text, sizeof worst_text, "%.2e", worst);
    RecordProperty(prefix + "error", worst_text);
  }
};

TEST_P(Jacobians, InFp64EqualAutograd) {
  for (const Golden& g : goldens()) compare<double>(g, tolerance(Class::autograd, Dtype::f64));
}
TEST_P(Jacobians, InFp32EqualAutogradInFp64) {
  for (const Golden& g : goldens()) compare<float>(g, tolerance(Class::network, Dtype::f32));
}

// The sum over the batch of cotangent times Jacobian is what the net's own backward pass gives.
TEST_P(Jacobians, ContractToTheNetsGradients) {
  for (const Golden& g : goldens()) {
    SCOPED_TRACE(g.name);
    const nn::WeightBuffers buffers(context, g.net->layout(), "weights"), grads(context, g.net->layout(), "gradients");
    const nn::Weights weights = buffers.weights();
    nn::import_weights(context, g.net->layout(), weights, hashed_weights(context, g.net->layout(), weights), "golden");
    const Arena::Frame frame(context.scratch());
    const auto x = std::get<View<float, 4>>(g.net->take_input(context, kImages, g.extent, g.extent));
    hashed_images(context, x, g.stream);
    const auto cotangents = uniform(kImages * kClasses, 5);
    const Tensor dlogits = Tensor::from_host(context, {kImages, kClasses}, cotangents.data(), "dlogits"),
                 features(context, {kImages, g.net->feature_dim()}, Dtype::f32, "features"),
                 logits(context, {kImages, kClasses}, Dtype::f32, "logits");
    const auto saved = g.net->new_saved();
    g.net->forward(context, weights, x, Mode::eval, features.view<float, 2>(), logits.view<float, 2>(), saved.get());
    g.net->backward(context, weights, grads.weights(), dlogits.view<const float, 2>(), *saved);
    std::vector<float> gradient(g.net->layout().total());
    context.copy_out(gradient.data(), grads.weights().values);
    for (const auto& [param, j] : jacobians<float>(*g.net, weights, x, all_of(*g.net))) {
      const int64_t p = g.net->layout().params()[param].size();
      std::vector<double> expected(p);
      for (int64_t row = 0; row < kImages * kClasses; ++row)
        for (int64_t k = 0; k < p; ++k) expected[k] += double(cotangents[row]) * double(j[row * p + k]);
      const auto begin = gradient.begin() + g.net->layout().offset(param);
      expect_close(std::vector<float>(begin, begin + p), expected, Class::network, Dtype::f32,
                   g.net->layout().params()[param].name.c_str());
    }
  }
}

// What is not wanted costs nothing and changes nothing; samples do not see each other.
TEST_P(Jacobians, DoNotDependOnWhatElseIsComputed) {
  const auto net = nn::make_wrn({.depth = 10, .width = 1, .classes = kClasses, .base_channels = 4});
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  nn::initialize(context, net->layout(), weights.weights(), 7);
  const Tensor x(context, {kImages, 8, 8, 3}, Dtype::f32, "images");
  hashed_images(context, x.view<float, 4>(), 11);
  const auto all = jacobians<double>(*net, weights.weights(), x.view<const float, 4>(), all_of(*net));
  std::vector<int> order;
  for (int param : nn::Jacobian<double>(*net).params()) order.push_back(param);
  EXPECT_EQ(net->layout().params()[order.front()].name, "fc.weight");
  EXPECT_EQ(net->layout().params()[order.back()].name, "conv1.weight");
  EXPECT_EQ(all.size(), order.size());
  for (const int param : order) {
    std::vector<bool> wanted(net->layout().params().size(), false);
    wanted[param] = true;
    const auto one = jacobians<double>(*net, weights.weights(), x.view<const float, 4>(), wanted);
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one.at(param), all.at(param)) << net->layout().params()[param].name;
  }
  for (int64_t i = 0; i < kImages; ++i) {
    const auto one = jacobians<double>(*net, weights.weights(), x.view<const float, 4>().slice(i, i + 1), all_of(*net));
    for (const auto& [param, j] : one)
      expect_close(j,
                   std::vector<double>(all.at(param).begin() + i * int64_t(j.size()),
                                       all.at(param).begin() + (i + 1) * int64_t(j.size())),
                   Class::library, Dtype::f64, "one sample alone");
  }
}

TEST_P(Jacobians, TakeNoMoreMemoryThanPlanned) {
  const auto net = nn::make_wrn({.depth = 16, .width = 2, .classes = 10, .base_channels = 4});
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  nn::initialize(context, net->layout(), weights.weights(), 7);
  const Tensor x(context, {5, 16, 16, 3}, Dtype::f32, "images");
  hashed_images(context, x.view<float, 4>(), 11);
  const nn::Jacobian<float> jacobian(*net);
  const auto bytes = jacobian.bytes(16, 16, 3, all_of(*net));
  const int64_t before = context.scratch().reserved_bytes();
  jacobian.compute(context, weights.weights(), x.view<const float, 4>(), all_of(*net),
                   [](int, View<const float, 3>) {});
  const int64_t taken = context.scratch().reserved_bytes() - before;
  EXPECT_LE(taken, 2 * (bytes.fixed + 5 * bytes.per_sample)) << "the arena grows by doubling at most";
  EXPECT_GE(taken, bytes.per_sample);
}

CRC_ON_EACH_DEVICE(Jacobians);

}  // namespace
}  // namespace crc::test
