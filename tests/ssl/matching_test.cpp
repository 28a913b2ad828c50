// The methods of ssl/methods/matching.h, and pseudo_label, against PyTorch in fp64 (tests/golden/make_ssl.py): twenty
// steps of a small net; losses, student, averaged model and everything the method remembers, step by step.
#include "nn/wrn.h"
#include "ssl/trainer.h"
#include "tests/golden/hash.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

using ssl::Align;

class Matching : public OnDevice {
 protected:
  static constexpr int64_t kPool = 40, kSteps = 20;

  // The recipe of make_ssl.py's golden_match.
  static ssl::TrainConfig recipe(const std::string& method) {
    ssl::TrainConfig config;
    config.method = method;
    config.batch = 6;
    config.mu = 2;
    config.lambda_u = 1.5f;
    config.threshold = 0.5f;
    config.running_decay = 0.9f;
    config.steps_per_epoch = kSteps;
    config.schedule.horizon = kSteps;
    return config;
  }

  void follows_pytorch(const std::string& curve, const ssl::TrainConfig& config) {
    const auto net = nn::make_wrn({.depth = 10,
                                   .width = 1,
                                   .base_channels = 8,
                                   .norm = {.slope = 0.99f},  // make_ssl.py says why
                                   .projection = ssl::find_method(config.method).projection(config)});
    const std::vector<uint8_t> pixels(kPool * 16 * 16 * 3);
    std::vector<int32_t> labels;  // make_ssl.py's LABELS
    std::vector<int64_t> ids;
    for (int32_t i = 0; i < kPool; ++i) labels.push_back(i * i % 10), ids.push_back(i);
    const ssl::ImageSet images(context, kPool, 16, 16, pixels.data(), labels.data());
    ssl::Trainer trainer(context, *net, images, ids, ids, config);
    const auto weights = hashed_weights(context, net->layout(), trainer.student(), 0, 4);
    nn::import_weights(context, net->layout(), trainer.student(), weights, "golden weights");
    for (int64_t k = 0; k < trainer.averages(); ++k) {
      trainer.choose_average(k);
      nn::import_weights(context, net->layout(), trainer.tested(), weights, "golden weights");
    }
    std::vector<double> students, averages;
    std::vector<std::vector<double>> further(config.ema_decays.size());
    std::map<std::string, std::vector<float>> remembered;
    for (int t = 0; t < kSteps; ++t) {
      step(trainer, *net, t);
      append_row(students, *net, trainer.student());
      append_row(averages, *net, trainer.ema());
      for (size_t k = 0; k < further.size(); ++k) {
        trainer.choose_average(int64_t(k) + 1);
        append_row(further[k], *net, trainer.tested());
      }
      for (const auto& [name, values] : trainer.running().to_host(context))
        remembered[name].insert(remembered[name].end(), values.begin(), values.end());
    }
    const std::string golden_name = "match." + curve + ".";
    nn::TensorFile state;
    trainer.save(state);
    const auto ring = state.at("losses", "state").values<float>();
    const auto golden_losses = golden(golden_name + "losses");
    for (size_t c = 0; c < 3; ++c) {
      std::vector<float> actual, expected;
      for (size_t t = 0; t < kSteps; ++t) {
        actual.push_back(ring[t * ssl::kLossColumns + c]);
        expected.push_back(golden_losses[3 * t + c]);
      }
      const char* names[] = {"labelled losses", "unlabelled losses", "weights"};
      expect_close(actual, expected, Class::network, Dtype::f32, names[c]);
    }
    expect_close(students, golden(golden_name + "students"), Class::network, Dtype::f32, "students");
    expect_close(averages, golden(golden_name + "averages"), Class::network, Dtype::f32, "averaged models");
    for (size_t k = 0; k < further.size(); ++k)
      expect_close(further[k], golden(golden_name + "average" + std::to_string(k + 1)), Class::network, Dtype::f32,
                   "further averages");
    size_t compared = 0;
    for (const nn::TensorEntry& entry : ssl_golden().tensors) {
      const std::string prefix = golden_name + "running.";
      if (!entry.name.starts_with(prefix)) continue;
      const std::string name = entry.name.substr(prefix.size());
      expect_close(remembered[name], entry.values<float>(), Class::network, Dtype::f32, name.c_str());
      ++compared;
    }
    for (const char* ours : {"threshold", "p_window"})  // a constant; and what p_model is the mean of
      if (remembered.count(ours) && !ssl_golden().find(golden_name + "running." + ours)) ++compared;
    EXPECT_EQ(compared, remembered.size()) << "arrays that nothing is compared with";
  }

 private:
  static std::vector<float> golden(const std::string& name) { return ssl_golden().at(name, "golden").values<float>(); }

  void step(ssl::Trainer& trainer, const nn::Net& net, int t) {
    constexpr int64_t b = 6, m = 12;
    Arena::Frame frame(context.scratch());
    const auto views = ssl::find_method(method_).views({});
    int64_t rows = 0;
    for (const ssl::BatchView& view : views) rows += view.rows(b, m);
    const auto x = net.take_input(context, rows, 16, 16);
    int64_t begin = 0;
    for (uint32_t v = 0; v < views.size(); ++v) {
      const int64_t end = begin + views[v].rows(b, m);
      hashed_images(context, std::get<View<float, 4>>(x).slice(begin, end), 600 + 4 * uint32_t(t) + v);
      begin = end;
    }
    std::vector<int32_t> labels;
    std::vector<int64_t> items, labeled_items;
    for (int i = 0; i < b; ++i)
      labels.push_back((3 * i + t) % 10), labeled_items.push_back((7 * i % 28 + 3 * t) % kPool);
    for (int n = 0; n < m; ++n) items.push_back((n * n + 5 * t) % kPool);
    const Tensor y = Tensor::from_host(context, {b}, labels.data(), "labels");
    const Tensor ids = Tensor::from_host(context, {m}, items.data(), "items");
    const Tensor of_labels = Tensor::from_host(context, {b}, labeled_items.data(), "labelled items");
    trainer.step_on({.images = x,
                     .labels = y.view<const int32_t, 1>(),
                     .labeled = b,
                     .unlabeled = m,
                     .items = ids.view<const int64_t, 1>(),
                     .labeled_items = of_labels.view<const int64_t, 1>()});
  }
  void append_row(std::vector<double>& rows, const nn::Net& net, const nn::Weights& weights) {
    std::vector<float> all;
    for (const auto& t :
         sorted_by_name(nn::export_weights(context, net.layout(), weights, nn::Names::kekmodel)).tensors)
      if (t.dtype == Dtype::f32)
        for (float v : t.values<float>()) all.push_back(v);
    for (double v : norm_and_projection(all)) rows.push_back(v);
  }

 protected:
  std::string method_;
  void follows(const std::string& curve, const ssl::TrainConfig& config) {
    method_ = config.method;
    follows_pytorch(curve, config);
  }
};

TEST_P(Matching, Uda) {
  ssl::TrainConfig config = recipe("uda");
  config.temperature = 0.4f;
  follows("uda", config);
}

TEST_P(Matching, SoftMatch) { follows("softmatch", recipe("softmatch")); }

TEST_P(Matching, SoftMatchAlignedWithTheLabelsByAWindow) {
  ssl::TrainConfig config = recipe("softmatch");
  config.align = Align::labels;
  config.align_window = 4;
  config.sigmas = 4;
  follows("softmatch-window", config);
}

TEST_P(Matching, AdaMatch) {
  ssl::TrainConfig config = recipe("adamatch");
  config.threshold = 0.9f;
  config.schedule.ramp = 10;
  config.schedule.ramp_shape = RampShape::cosine;
  follows("adamatch", config);
}

TEST_P(Matching, AdaMatchWithoutInterpolation) {
  ssl::TrainConfig config = recipe("adamatch");
  config.threshold = 0.95f;
  config.interpolate = false;
  follows("adamatch-plain", config);
}

TEST_P(Matching, FreeMatch) {
  ssl::TrainConfig config = recipe("freematch");
  config.fairness = 0.05f;
  follows("freematch", config);
}

TEST_P(Matching, FlexMatch) { follows("flexmatch", recipe("flexmatch")); }

TEST_P(Matching, Dash) {
  ssl::TrainConfig config = recipe("dash");
  config.temperature = 0.5f;
  config.dash.warmup = 5;
  config.dash.period = 4;
  config.dash.least = 1.4f;
  follows("dash", config);
}

TEST_P(Matching, ReFixMatch) {
  ssl::TrainConfig config = recipe("refixmatch");
  config.temperature = 0.5f;
  config.threshold = 0.3f;
  follows("refixmatch", config);
}

TEST_P(Matching, DeFixMatch) { follows("defixmatch", recipe("defixmatch")); }

TEST_P(Matching, PseudoLabel) {
  ssl::TrainConfig config = recipe("pseudo_label");
  config.schedule.ramp = 8;
  config.schedule.ramp_shape = RampShape::linear;
  follows("pseudo_label", config);
}

TEST_P(Matching, SimMatch) {
  ssl::TrainConfig config = recipe("simmatch");
  config.temperature = 0.1f;
  config.threshold = 0.25f;
  config.align_window = 4;
  config.simmatch = {.embedding = 8, .alpha = 0.7f, .bank_decay = 0.7f, .instance_weight = 2, .warmup = 3};
  follows("simmatch", config);
}

TEST_P(Matching, FixMatchWithAdjustedLogits) {
  ssl::TrainConfig config = recipe("fixmatch");
  config.logit_adjustment = ssl::LogitAdjustment::loss;
  config.adjustment = 1.5;
  follows("fixmatch-adjusted", config);
}

TEST_P(Matching, FixMatchWithSeveralAverages) {
  ssl::TrainConfig config = recipe("fixmatch");
  config.ema_buffers = ssl::EmaBuffers::averaged;
  config.schedule.ema_warmup = true;
  config.ema_decays = {0.5, 0.9};
  follows("fixmatch-averages", config);
}

TEST_P(Matching, DeFixMatchWithWeightsAndAdjustedLogits) {
  ssl::TrainConfig config = recipe("defixmatch");
  config.class_weights = ssl::ClassWeights::inverse;
  config.logit_adjustment = ssl::LogitAdjustment::loss;
  config.adjustment = 0.5;
  follows("defixmatch-inverse", config);
}

TEST_P(Matching, PseudoLabelWithAdjustedLogits) {
  ssl::TrainConfig config = recipe("pseudo_label");
  config.schedule.ramp = 8;
  config.schedule.ramp_shape = RampShape::linear;
  config.logit_adjustment = ssl::LogitAdjustment::loss;
  follows("pseudo_label-adjusted", config);
}

TEST_P(Matching, AdaMatchWithWeightsByEffectiveNumbers) {
  ssl::TrainConfig config = recipe("adamatch");
  config.threshold = 0.9f;
  config.schedule.ramp = 10;
  config.schedule.ramp_shape = RampShape::cosine;
  config.class_weights = ssl::ClassWeights::effective;
  config.class_beta = 0.9;
  follows("adamatch-effective", config);
}

CRC_ON_EACH_DEVICE(Matching);

}  // namespace
}  // namespace crc::test
