// Where a step's time goes: the parts of FixMatch's and Mean Teacher's step, each on its own at the step's shapes. The
// report sets them against the measured step; what they do not explain is its "rest".
#include "bench/ssl/training.h"
#include "kernels/ops/adam.h"
#include "kernels/ops/advance_step.h"
#include "kernels/ops/consistency.h"
#include "kernels/ops/draw_batch.h"
#include "kernels/ops/ema.h"
#include "kernels/ops/gather.h"
#include "kernels/ops/reduce.h"
#include "kernels/ops/sgd.h"
#include "kernels/ops/softmax_ce.h"
#include "nn/init.h"

namespace crc::bench {
namespace {

// A step's arrays, and its parts as ssl::Trainer and the methods do them.
class StepParts {
 public:
  StepParts(Inputs& in, const ssl::TrainConfig& config, const Precision& precision)
      : context_(in.context),
        config_(config),
        teacher_(config.method == "mean_teacher"),
        rows_(ssl::images_per_step(config)),
        pass_rows_(teacher_ ? rows_ / 3 : rows_),
        unlabeled_(config.batch * config.mu),
        net_(precision.make_net()),
        images_(random_images(context_, 1000)),
        student_(context_, net_->layout(), "student", precision.dtype == Dtype::bf16),
        ema_(context_, net_->layout(), "ema", teacher_ && precision.dtype == Dtype::bf16),
        grads_(context_, net_->layout(), "gradients"),
        state_(in.state()),
        pool_(in.uniform<int64_t, 1>({1000}, 0, 1000)),
        ids_(in.uniform<int64_t, 1>({config.batch + unlabeled_}, 0, 1000)),
        labels_(in.uniform<int32_t, 1>({config.batch + unlabeled_}, 0, double(kWrnClasses))),
        features_(in.uniform<float, 2>({pass_rows_, kWrnFeatures})),
        logits_(in.uniform<float, 2>({pass_rows_, kWrnClasses})),
        target_(in.uniform<float, 2>({pass_rows_, kWrnClasses})),
        dlogits_(in.uniform<float, 2>({pass_rows_, kWrnClasses}, -1e-3, 1e-3)),
        losses_(in.uniform<float, 1>({pass_rows_})),
        mask_(in.uniform<float, 1>({pass_rows_})),
        pseudo_(in.uniform<int32_t, 1>({pass_rows_})),
        ring_(in.uniform<float, 2>({1024, ssl::kLossColumns})),
        momentum_(in.uniform<float, 1>({net_->layout().total()}, -1e-3, 1e-3)),
        second_moment_(in.uniform<float, 1>({net_->layout().total()}, 0, 1e-3)),
        saved_(net_->new_saved()) {
    nn::initialize(context_, net_->layout(), student_.weights(), 1);
    nn::initialize(context_, net_->layout(), ema_.weights(), 1);
    if (precision.dtype == Dtype::bf16)
      x_ = in.uniform<bf16, 4>({rows_, kImageSize, kImageSize, 3});
    else
      x_ = in.uniform<float, 4>({rows_, kImageSize, kImageSize, 3});
  }

  void augment() {
    const int64_t b = config_.batch, m = unlabeled_;
    draw_batch(context_, ids_.slice(0, b), pool(), state_, DrawConfig{.seed = 1, .purpose = Purpose::labeled_order});
    draw_batch(context_, ids_.slice(b, b + m), pool(), state_,
               DrawConfig{.seed = 1, .purpose = Purpose::unlabeled_order});
    gather_rows(context_, labels_, images_->labels(), ids_);
    int64_t begin = 0;
    for (const ssl::BatchView& view : ssl::find_method(config_.method).views(config_)) {
      const int64_t first = view.items == ssl::BatchView::Items::unlabeled ? b : 0, rows = view.rows(b, m);
      augment::AugmentConfig augment = config_.weak;
      augment.purpose = view.purpose;
      augment.strong = view.strong ? config_.strong : augment::Policy::none;
      std::visit(
          [&](const auto& x) {
            augment_batch(context_, x.slice(begin, begin + rows), images_->pixels(), ids_.slice(first, first + rows),
                          state_, augment);
          },
          x_);
      begin += rows;
    }
  }
  // Leaves the last pass's activations in scratch memory, for backward().
  void forward() {
    if (teacher_) {
      Arena::Frame frame(context_.scratch());
      pass(ema_.weights(), 1, nullptr);
    }
    if (teacher_) {
      Arena::Frame frame(context_.scratch());
      pass(student_.weights(), 0, saved_.get());
    }
    pass(student_.weights(), teacher_ ? 2 : 0, saved_.get());
  }
  void loss() {
    const int64_t b = config_.batch, n = pass_rows_;
    const View<const float, 2> x = logits_;
    softmax_ce(context_, dlogits_.slice(0, b), losses_.slice(0, b), x.slice(0, b), labels_.slice(0, b), 1e-3f);
    if (teacher_)
      softmax_mse(context_, dlogits_.slice(b, n), losses_.slice(b, n), x.slice(b, n), target_.slice(b, n),
                  View<const float, 1>{}, state_, 1e-3f);
    else
      confident_ce(context_, dlogits_.slice(b + unlabeled_, n), losses_.slice(0, unlabeled_),
                   mask_.slice(0, unlabeled_), pseudo_.slice(0, unlabeled_), x.slice(b, b + unlabeled_),
                   x.slice(b + unlabeled_, n), ConfidentCeConfig{.scale = 1e-3f});
    record_mean(context_, ring_, losses_, state_, ssl::kLossLabeled);
    record_mean(context_, ring_, losses_, state_, ssl::kLossUnlabeled);
    record_mean(context_, ring_, mask_, state_, ssl::kMaskRate);
  }
  void backward() {
    if (!held_) {  // one forward pass serves all runs
      held_ = std::make_unique<Arena::Frame>(context_.scratch());
      forward();
    }
    for (int pass = 0; pass < (teacher_ ? 2 : 1); ++pass)
      net_->backward(context_, student_.weights(), grads_.weights(), dlogits_, *saved_);
  }
  void optimize() {
    const nn::Weights student = student_.weights(), ema = ema_.weights();
    const View<const float, 1> grads = grads_.weights().values;
    if (config_.optimizer == ssl::Optimizer::adam)
      adam_step(context_, student.values, student.rounded, momentum_, second_moment_, grads, state_, AdamConfig{});
    else
      sgd_step(context_, student.values, student.rounded, momentum_, grads, state_,
               SgdConfig{.decayed = net_->layout().decayed()});
    ema_update(context_, ema.values, ema.rounded, student.values, state_);
    context_.copy(ema.running, student.running);
    context_.set_zero(grads_.weights().values);
  }
  Context& context() const { return context_; }

 private:
  View<const int64_t, 1> pool() const { return pool_; }
  void pass(const nn::Weights& weights, int place, nn::Saved* saved) {
    net_->forward(context_, weights, nn::slice(x_, place * pass_rows_, (place + 1) * pass_rows_),
                  place == 0 ? Mode::train : Mode::train_frozen_stats, features_, logits_, saved);
  }

  Context& context_;
  const ssl::TrainConfig config_;
  const bool teacher_;
  const int64_t rows_, pass_rows_, unlabeled_;
  std::unique_ptr<nn::Net> net_;
  std::unique_ptr<ssl::ImageSet> images_;
  nn::WeightBuffers student_, ema_, grads_;
  View<const StepState, 1> state_;
  View<int64_t, 1> pool_, ids_;
  View<int32_t, 1> labels_;
  View<float, 2> features_, logits_, target_, dlogits_;
  View<float, 1> losses_, mask_;
  View<int32_t, 1> pseudo_;
  View<float, 2> ring_;
  View<float, 1> momentum_, second_moment_;
  std::unique_ptr<nn::Saved> saved_;
  nn::Activations x_;
  std::unique_ptr<Arena::Frame> held_;
};

void add_parts(Suite& suite, const char* method, const Precision& precision) {
  const ssl::TrainConfig config = train_config(suite.scale, method);
  const double images = double(ssl::images_per_step(config));
  const double learnt = std::string(method) == "mean_teacher" ? images * 2 / 3 : images;
  const std::string shape = step_shape(config, precision), whole = std::string("train ") + method + " " + shape;
  const double weights = 4.0 * double(kWrnParameters);
  const auto add = [&](const char* part, double flops, double bytes, auto work) {
    suite.add({.op = std::string(method) + ": " + part,
               .shape = shape,
               .flops = flops,
               .bytes = bytes,
               .arithmetic = precision.arithmetic(),
               .setup =
                   [=](Inputs& in) {
                     StepParts& parts = in.keep(std::make_shared<StepParts>(in, config, precision));
                     return [&parts, work] { work(parts); };
                   },
               .rotate = false,
               .path = "step",
               .part_of = whole});
  };
  add("augment", 0, images * kImageSize * kImageSize * 3 * double(1 + size_of(precision.dtype)),
      [](StepParts& p) { p.augment(); });
  add("forward", images * wrn_forward_flops(), 0, [](StepParts& p) {
    Arena::Frame frame(p.context().scratch());
    p.forward();
  });
  add("loss", 0, 12.0 * images * kWrnClasses, [](StepParts& p) { p.loss(); });
  add("backward", learnt * (wrn_train_flops() - wrn_forward_flops()), 0, [](StepParts& p) { p.backward(); });
  add("optimize", 0, (config.optimizer == ssl::Optimizer::adam ? 11 : 9) * weights, [](StepParts& p) { p.optimize(); });
}

}  // namespace

void step_parts_cases(Suite& suite) {
  for (const Precision& precision : precisions(suite.scale))
    for (const char* method : {"fixmatch", "mean_teacher"}) add_parts(suite, method, precision);
}

}  // namespace crc::bench
