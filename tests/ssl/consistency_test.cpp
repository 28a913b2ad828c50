// Pi-model and Mean Teacher against PyTorch in fp64 (tests/golden/make_ssl.py): twenty steps of a small net, in the
// form of perrying's code and in Oliver's; losses, student, averaged model and schedule number by number.
#include "nn/wrn.h"
#include "ssl/trainer.h"
#include "tests/golden/hash.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

using ssl::EmaBuffers;

class Consistency : public OnDevice {
 protected:
  // The recipe of make_ssl.py's golden_curve.
  static ssl::TrainConfig recipe() {
    ssl::TrainConfig config;
    config.method = "mean_teacher";
    config.batch = 6;
    config.mu = 1;
    config.lambda_u = 8;
    config.steps_per_epoch = 20;
    config.optimizer = ssl::Optimizer::adam;
    config.ema_buffers = EmaBuffers::own;
    config.tested = ssl::Tested::student;
    config.schedule = {.rate = RateSchedule::staircase,
                       .base_rate = 2e-3,
                       .drop_at = 14,
                       .drop = 0.2,
                       .ema_decay = 0.8,
                       .ema_warmup = true,
                       .ramp = 10};
    return config;
  }

  void follows_pytorch(const std::string& curve, const ssl::TrainConfig& config) {
    const auto net = nn::make_wrn({.depth = 10,
                                   .width = 1,
                                   .wiring = nn::Wiring::preact,
                                   .base_channels = 8,
                                   .norm = {.momentum = 0.1f, .slope = 0.99f}});  // make_ssl.py says why
    const std::vector<uint8_t> pixels(40 * 16 * 16 * 3);
    std::vector<int32_t> labels;  // make_ssl.py's LABELS
    std::vector<int64_t> ids;
    for (int32_t i = 0; i < 40; ++i) labels.push_back(i * i % 10), ids.push_back(i);
    const ssl::ImageSet images(context, 40, 16, 16, pixels.data(), labels.data());
    ssl::Trainer trainer(context, *net, images, ids, ids, config);
    const auto weights = hashed_weights(context, net->layout(), trainer.student(), 0, 4);
    nn::import_weights(context, net->layout(), trainer.student(), weights, "golden weights");
    nn::import_weights(context, net->layout(), trainer.ema(), weights, "golden weights");
    std::vector<double> students, averages;
    for (int t = 0; t < 20; ++t) {
      step(trainer, *net, 600 + 3 * t, t, int64_t(ssl::find_method(config.method).views(config).size()));
      append_row(students, *net, trainer.student());
      append_row(averages, *net, trainer.ema());
    }
    nn::TensorFile state;
    trainer.save(state);
    const auto ring = state.at("losses", "state").values<float>();
    std::vector<float> labeled, unlabeled;
    for (size_t t = 0; t < 20; ++t) {
      labeled.push_back(ring[t * ssl::kLossColumns + ssl::kLossLabeled]);
      unlabeled.push_back(ring[t * ssl::kLossColumns + ssl::kLossUnlabeled]);
    }
    const auto losses = golden("curve." + curve + ".losses");
    expect_close(labeled, column(losses, 0, 2), Class::network, Dtype::f32, "labelled losses");
    expect_close(unlabeled, column(losses, 1, 2), Class::network, Dtype::f32, "unlabelled losses");
    expect_close(students, golden("curve." + curve + ".students"), Class::network, Dtype::f32, "students");
    expect_close(averages, golden("curve." + curve + ".averages"), Class::network, Dtype::f32, "averaged models");
  }

  static std::vector<float> golden(const std::string& name) { return ssl_golden().at(name, "golden").values<float>(); }
  static std::vector<float> column(const std::vector<float>& all, size_t c, size_t columns) {
    std::vector<float> out;
    for (size_t i = c; i < all.size(); i += columns) out.push_back(all[i]);
    return out;
  }

 private:
  void step(ssl::Trainer& trainer, const nn::Net& net, uint32_t stream, int t, int64_t views) {
    Arena::Frame frame(context.scratch());
    const auto x = net.take_input(context, 12 * views, 16, 16);
    for (int64_t v = 0; v < views; ++v)
      hashed_images(context, std::get<View<float, 4>>(x).slice(12 * v, 12 * v + 12), stream + uint32_t(v));
    std::vector<int32_t> labels(6);
    for (int i = 0; i < 6; ++i) labels[i] = (3 * i + t) % 10;
    const Tensor y = Tensor::from_host(context, {6}, labels.data(), "labels");
    trainer.step_on({.images = x, .labels = y.view<const int32_t, 1>(), .labeled = 6, .unlabeled = 6});
  }
  void append_row(std::vector<double>& rows, const nn::Net& net, const nn::Weights& weights) {
    std::vector<float> all;
    for (const auto& t :
         sorted_by_name(nn::export_weights(context, net.layout(), weights, nn::Names::kekmodel)).tensors)
      if (t.dtype == Dtype::f32)
        for (float v : t.values<float>()) all.push_back(v);
    for (double v : norm_and_projection(all)) rows.push_back(v);
  }
};

TEST_P(Consistency, MeanTeachersThreePasses) { follows_pytorch("mean_teacher", recipe()); }

TEST_P(Consistency, MeanTeacherWithASharedPass) {
  ssl::TrainConfig config = recipe();
  config.shared_pass = true;
  config.ema_buffers = EmaBuffers::copied;
  config.schedule.ema_warmup = false;
  follows_pytorch("mean_teacher_shared", config);
}

TEST_P(Consistency, MeanTeacherWithALabelledLossForUnequalClasses) {
  ssl::TrainConfig config = recipe();
  config.logit_adjustment = ssl::LogitAdjustment::loss;
  config.class_weights = ssl::ClassWeights::inverse;
  follows_pytorch("mean_teacher_inverse", config);
}

TEST_P(Consistency, PiModelsTwoPasses) {
  ssl::TrainConfig config = recipe();
  config.method = "pi_model";
  config.ema_buffers = EmaBuffers::averaged;
  follows_pytorch("pi_model", config);
}

TEST_P(Consistency, PiModelWithASharedPass) {
  ssl::TrainConfig config = recipe();
  config.method = "pi_model";
  config.shared_pass = true;
  config.ema_buffers = EmaBuffers::copied;
  follows_pytorch("pi_model_shared", config);
}

TEST_P(Consistency, RateDecayAndRampOfEveryStep) {
  Schedule schedule = recipe().schedule;
  schedule.consistency_weight = 8;
  const auto expected = golden("curve.mean_teacher.schedule");
  std::vector<float> actual;
  for (int64_t t = 0; t < 20; ++t) {
    const StepState s = schedule.at(t);
    actual.insert(actual.end(), {s.learning_rate, s.ema_decay, s.consistency_weight});
  }
  for (size_t c = 0; c < 3; ++c)
    expect_close(column(actual, c, 3), column(expected, c, 3), Class::point, Dtype::f32, "schedule");
}

TEST_P(Consistency, OwnBuffersNeedATeacher) {
  ssl::TrainConfig config = recipe();
  config.method = "pi_model";
  const std::vector<uint8_t> pixels(16 * 16 * 3);
  const ssl::ImageSet images(context, 1, 16, 16, pixels.data(), std::vector<int32_t>{0}.data());
  const auto net = nn::make_wrn({.depth = 10, .width = 1, .base_channels = 8});
  try {
    ssl::Trainer trainer(context, *net, images, {0}, {0}, config);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::config);
    EXPECT_EQ(std::string(e.what()),
              "ssl.ema_buffers = \"own\" is for ssl.method \"mean_teacher\": with \"pi_model\" no pass of the averaged "
              "model moves them; use \"copied\" or \"averaged\"");
  }
}

CRC_ON_EACH_DEVICE(Consistency);

}  // namespace
}  // namespace crc::test
