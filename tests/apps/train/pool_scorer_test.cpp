// The acquisitions that need Jacobians, on a real network: against its own backward pass and against closed forms.
#include "apps/train/pool_scorer.h"

#include <cmath>

#include "crc/acquisition.h"
#include "nn/init.h"
#include "nn/mlp.h"
#include "nn/wrn.h"
#include "ssl/evaluate.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::apps::test {
namespace {

using namespace crc::test;

constexpr int64_t kImages = 12, kClasses = 3, kExtent = 8;

class NetJacobiansTest : public OnDevice {
 protected:
  struct Setting {
    std::unique_ptr<nn::Net> net;
    nn::WeightBuffers buffers;
    ssl::ImageSet images;
    NormalizeConfig normalize;
    ssl::Prediction prediction;
    std::vector<int64_t> labeled{1, 5, 7}, unlabeled{0, 2, 3, 4, 6, 8, 9, 10};
  };
  static ssl::ImageSet random_images(Context& context) {
    std::vector<uint8_t> pixels(kImages * kExtent * kExtent * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(Draws(3, Purpose::test, int64_t(i), 0).below(256));
    const std::vector<int32_t> labels(kImages, 0);
    return {context, kImages, kExtent, kExtent, pixels.data(), labels.data()};
  }
  Setting make(std::unique_ptr<nn::Net> net) {
    nn::WeightBuffers buffers(context, net->layout(), "weights");
    nn::initialize(context, net->layout(), buffers.weights(), 5);
    ssl::ImageSet images = random_images(context);
    ssl::Prediction prediction = ssl::predict(context, *net, buffers.weights(), images, {}, 5);
    return {std::move(net), std::move(buffers), std::move(images), {}, std::move(prediction)};
  }
  std::vector<Setting> settings() {
    std::vector<Setting> all;
    all.push_back(make(nn::make_wrn({.depth = 10, .width = 1, .classes = kClasses, .base_channels = 4})));
    all.push_back(make(nn::make_mlp({.inputs = kExtent * kExtent * 3, .hidden = {16, 7}, .classes = kClasses})));
    return all;
  }
  select::Selection select(const Setting& s, const select::Config& config) {
    const NetJacobians jacobians(*s.net, s.buffers.weights(), s.images, s.normalize);
    return select::select(context,
                          {s.prediction.features.view<const float, 2>(), s.prediction.logits.view<const float, 2>(),
                           s.labeled, s.unlabeled, kClasses, &jacobians},
                          config);
  }
  // sum_y p_y |gradient of the cross-entropy with label y|^2 by the net's backward pass.
  double expected_length(const Setting& s, int64_t item) {
    const std::vector<float> logits = s.prediction.logits.to_host<float>(context);
    std::vector<double> p;
    double total = 0, expected = 0;
    for (int64_t c = 0; c < kClasses; ++c) total += p.emplace_back(std::exp(double(logits[item * kClasses + c])));
    for (double& v : p) v /= total;
    for (int64_t y = 0; y < kClasses; ++y) {
      const Arena::Frame frame(context.scratch());
      const nn::WeightBuffers grads(context, s.net->layout(), "gradients");
      const nn::Activations x = s.net->take_input(context, 1, kExtent, kExtent);
      const View<const int64_t, 1> in_order{nullptr, {0}, context.device(), "all"};
      normalize(context, std::get<View<float, 4>>(x), s.images.pixels().slice(item, item + 1), in_order, s.normalize);
      std::vector<float> cotangent;
      for (int64_t c = 0; c < kClasses; ++c) cotangent.push_back(float(p[c] - (c == y ? 1 : 0)));
      const Tensor dlogits = Tensor::from_host(context, {1, kClasses}, cotangent.data(), "dlogits"),
                   features(context, {1, s.net->feature_dim()}, Dtype::f32, "features"),
                   out(context, {1, kClasses}, Dtype::f32, "logits");
      const auto saved = s.net->new_saved();
      s.net->forward(context, s.buffers.weights(), x, Mode::eval, features.view<float, 2>(), out.view<float, 2>(),
                     saved.get());
      s.net->backward(context, s.buffers.weights(), grads.weights(), dlogits.view<const float, 2>(), *saved);
      std::vector<float> g(s.net->layout().total());
      context.copy_out(g.data(), grads.weights().values);
      for (float v : g) expected += p[y] * double(v) * double(v);
    }
    return expected;
  }
};

TEST_P(NetJacobiansTest, EglEqualsTheNetsGradientsPerClass) {
  for (const Setting& s : settings()) {
    const select::Selection egl = select(s, {.name = "egl", .budget = 2});
    std::vector<double> expected;
    for (int64_t item : egl.candidates) expected.push_back(expected_length(s, item));
    expect_close(egl.scores, expected, Class::network, Dtype::f32, "egl");
  }
}

TEST_P(NetJacobiansTest, TheHeadsBlockEqualsTheClosedForm) {
  for (const Setting& s : settings()) {
    select::Config config{.name = "crc", .budget = 4, .group_size = 2};
    const select::Selection closed = select(s, config);
    config.name = "crc_layers";
    config.layers = "fc";
    const select::Selection explicitly = select(s, config);
    expect_close(explicitly.scores, closed.scores, Class::network, Dtype::f32, "scores");
    EXPECT_EQ(explicitly.picks, closed.picks);
  }
}

// The kernel of more layers is the sum of the layers' kernels: its smallest eigenvalue only grows.
TEST_P(NetJacobiansTest, MoreLayersRaiseTheSmallestEigenvalue) {
  const Setting s = make(nn::make_wrn({.depth = 10, .width = 1, .classes = kClasses, .base_channels = 4}));
  std::vector<double> before(4, 0.0);
  for (const char* layers : {"fc", "fc bn1", "fc bn1 block3.layer.0.conv2", "fc bn1 block3", "all"}) {
    const auto scores = select(s, {.name = "crc_layers", .budget = 2, .group_size = 2, .layers = layers}).scores;
    for (size_t k = 0; k < scores.size(); ++k) EXPECT_GT(scores[k], before[k]) << layers;
    before = scores;
  }
  EXPECT_EQ(select(s, {.name = "crc_full", .budget = 2, .group_size = 2}).scores, before);
}

// Equal images, wherever they stand in a batch, make the kernel singular: the score is exactly 0.
TEST_P(NetJacobiansTest, CopiesOfImagesScoreZero) {
  Setting s = make(nn::make_wrn({.depth = 10, .width = 2, .classes = kClasses, .base_channels = 8}));
  std::vector<uint8_t> pixels(kImages * kExtent * kExtent * 3);
  context.copy_out(pixels.data(), s.images.pixels());
  const auto copy = [&](int64_t to, int64_t from) {
    const int64_t bytes = kExtent * kExtent * 3;
    std::copy_n(pixels.begin() + from * bytes, bytes, pixels.begin() + to * bytes);
  };
  copy(10, 1);  // of a labelled one
  copy(8, 3);
  s.images = ssl::ImageSet(context, kImages, kExtent, kExtent, pixels.data(), std::vector<int32_t>(kImages, 0).data());
  s.prediction = ssl::predict(context, *s.net, s.buffers.weights(), s.images, {}, 5);
  const select::Selection selection = select(s, {.name = "crc_full",
                                                 .budget = 2,
                                                 .group_size = 2,
                                                 .search = select::Search::given,
                                                 .given = {0, 10, 3, 8, 2, 4, 3, 6, 6, 8}});
  EXPECT_EQ(selection.scores[0], 0);
  EXPECT_EQ(selection.scores[1], 0);
  for (int k : {2, 3, 4}) EXPECT_GT(selection.scores[k], 0);
  EXPECT_EQ(selection.copies, 2);
}

CRC_ON_EACH_DEVICE(NetJacobiansTest);

}  // namespace
}  // namespace crc::apps::test
