#include "ssl/trainer.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops/add.h"
#include "kernels/ops/tally_pseudo.h"
#include "nn/init.h"
#include "nn/weights_io.h"

namespace crc::ssl {
namespace {

TrainConfig checked(TrainConfig config, const nn::Net& net, const ImageSet& images, size_t labeled, size_t unlabeled) {
  const bool embedded = images.views() > 0;
  check_training(config, embedded ? 0 : images.height(), images.width(), int64_t(labeled), int64_t(unlabeled));
  if (embedded) config.strong = augment::Policy::none;
  config.schedule.consistency_weight = config.lambda_u;
  config.sgd.decayed = config.adam.decayed = net.layout().decayed();
  return config;
}

bool uses_rates(const TrainConfig& config) {
  for (const BatchView& view : find_method(config.method).views(config))
    if (view.strong && config.strong == augment::Policy::ctaugment) return true;
  return false;
}

// Whether a step runs the averaged model.
bool asks_average(const Method& method, const TrainConfig& config) {
  return method.asks_average() || uses_rates(config);
}

}  // namespace

Trainer::Trainer(Context& context, const nn::Net& net, const ImageSet& images, const std::vector<int64_t>& labeled,
                 const std::vector<int64_t>& unlabeled, TrainConfig config, Ranks* ranks)
    : context_(context),
      net_(net),
      images_(images),
      config_(checked(std::move(config), net, images, labeled.size(), unlabeled.size())),
      method_(find_method(config_.method)),
      student_(context, net.layout(), "student", net.precision() == Dtype::bf16),
      ema_(context, net.layout(), "ema", net.precision() == Dtype::bf16 && asks_average(method_, config_)),
      grads_(context, net.layout(), "gradients"),
      student_weights_(student_.weights()),
      ema_weights_(ema_.weights()),
      grad_weights_(grads_.weights()),
      momentum_(context, {net.layout().total()}, Dtype::f32, "momentum"),
      second_moment_(context, {config_.optimizer == Optimizer::adam ? net.layout().total() : 0}, Dtype::f32,
                     "second moment"),
      rates_(context, {uses_rates(config_) ? augment::kCtRows : 0, augment::kCtBins}, Dtype::f32, "ctaugment rates"),
      more_values_(context, {int64_t(config_.ema_decays.size()), net.layout().total()}, Dtype::f32, "further averages"),
      more_running_(context,
                    {config_.ema_buffers == EmaBuffers::averaged ? int64_t(config_.ema_decays.size()) : 0,
                     net.layout().running_total()},
                    Dtype::f32, "their statistics"),
      counts_(labels_by_class(labeled)),
      label_loss_(context, config_, counts_),
      pool_{net.classes(), images.size(), int64_t(unlabeled.size()), int64_t(labeled.size())},
      running_(context, method_.running(config_, pool_)),
      tally_(context, {kTallies, net.classes()}, Dtype::f32, "tally of pseudo-labels"),
      state_(context, {int64_t(sizeof(StepState))}, Dtype::u8, "step state"),
      ring_(context, {config_.steps_per_epoch, kLossColumns}, Dtype::f32, "losses"),
      labeled_(Tensor::from_host(context, {int64_t(labeled.size())}, labeled.data(), "labelled ids")),
      unlabeled_(Tensor::from_host(context, {int64_t(unlabeled.size())}, unlabeled.data(), "unlabelled ids")) {
  if (const int64_t size = net.projection() ? net.projection()->size() : 0; size != method_.projection(config_))
    fail_internal("ssl.method \"" + config_.method + "\" needs a projection of size " +
                  std::to_string(method_.projection(config_)) + ", and the network has one of " + std::to_string(size));
  nn::initialize(context, net.layout(), student_weights_, config_.seed);
  context.copy(ema_weights_.values, student_weights_.values);
  context.copy(ema_weights_.running, student_weights_.running);
  nn::round_weights(context, ema_weights_);
  begin_averages();
  if (config_.shards > 0)
    shards_.emplace(context, net.layout(), config_.shards, config_.ema_buffers == EmaBuffers::own, ranks);
  if (config_.shards > 0 && config_.batch_statistics == BatchStatistics::synchronized) lockstep_.emplace(ranks);
  for (size_t part = 0; part < (shards_ ? shards_->own().size() : 1); ++part)
    saved_.push_back({net.new_saved(), net.new_saved()});
  if (config_.logit_adjustment == LogitAdjustment::prediction) {
    const std::vector<float> shift = logit_shift(counts_, -config_.adjustment);
    adjustment_ = Tensor::from_host(context, {net.classes()}, shift.data(), "adjustment of predictions");
    adjusted_ = std::make_unique<nn::WeightBuffers>(context, net.layout(), "adjusted model");
    adjusted_weights_ = adjusted_->weights();
  }
  const std::vector<float> ones(size_t(rates_.size()), 1.0f);
  context.copy_in(rates_.view<float, 1>(), ones.data());
  set_step(context, state_.as<StepState>(), config_.schedule, int64_t(0));
  if (!method_.trains()) take_labels(labeled);
}

// All averages begin with the student. Statistics that are not averaged are those of `ema`, for every average.
void Trainer::begin_averages() {
  const auto values = more_values_.view<float, 2>(), running = more_running_.view<float, 2>();
  for (int64_t k = 0; k < values.shape[0]; ++k) {
    decays_.decay[k] = float(config_.ema_decays[size_t(k)]);
    const bool own = running.shape[0] > 0;
    further_.push_back({values.slice(k, k + 1).flat(), own ? running.slice(k, k + 1).flat() : ema_weights_.running});
    context_.copy(further_.back().values, student_weights_.values);
    if (own) context_.copy(further_.back().running, student_weights_.running);
  }
}

std::vector<int64_t> Trainer::labels_by_class(const std::vector<int64_t>& labeled) const {
  if (config_.logit_adjustment == LogitAdjustment::none && config_.class_weights == ClassWeights::none) return {};
  std::vector<int32_t> known(size_t(images_.size()));
  context_.copy_out(known.data(), images_.labels());
  std::vector<int64_t> counts(size_t(net_.classes()));
  for (const int64_t item : labeled)
    if (const int32_t label = known[size_t(item)]; label >= 0) ++counts[size_t(label)];
  return counts;
}

const nn::Weights& Trainer::tested() {
  const nn::Weights& model = config_.tested == Tested::student ? student_weights_
                             : average_ == 0                   ? ema_weights_
                                                               : further_[size_t(average_) - 1];
  if (!adjusted_) return model;
  context_.copy(adjusted_weights_.values, model.values);
  context_.copy(adjusted_weights_.running, model.running);
  const auto bias = adjusted_weights_.param<1>(net_.layout(), net_.layout().find("fc.bias"));
  add(context_, bias, bias, adjustment_.view<float, 1>());
  return adjusted_weights_;
}

// A method without steps: student and average are the labels of all items, -1 where there is none.
void Trainer::take_labels(const std::vector<int64_t>& labeled) {
  std::vector<int32_t> known(size_t(images_.size()));
  context_.copy_out(known.data(), images_.labels());
  std::vector<float> values(size_t(student_weights_.values.size()), -1.0f);
  for (const int64_t item : labeled) values[size_t(item)] = float(known[size_t(item)]);
  context_.copy_in(student_weights_.values, values.data());
  context_.copy_in(ema_weights_.values, values.data());
}

void Trainer::run_steps(int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    Arena::Frame frame(context_.scratch());
    Batch batch = draw();
    if (shards_) {
      step_in_shards(batch);
      continue;
    }
    look(batch);
    if (rates_.size() > 0) learn_from_probes(batch);
    step_on(batch);
  }
}

void Trainer::take_gradients(Passes passes, const Batch& batch) {
  context_.set_zero(grad_weights_.values);
  method_.gradients(
      {context_, net_, passes, student_weights_, grad_weights_, state_.as<StepState>(), config_, label_loss_,
       ring_.view<float, 2>(), tally_.view<float, 2>(), running_, pool_, labeled_.view<const int64_t, 1>()},
      batch);
}

void Trainer::step_on(const Batch& batch) {
  Arena::Frame frame(context_.scratch());
  take_gradients(Passes(net_, {batch.images, student_weights_, ema_weights_, grad_weights_, &saved_.front()}), batch);
  learn(grad_weights_.values);
}

void Trainer::learn(View<const float, 1> gradients) {
  optimize(gradients);
  follow();
  advance_step(context_, state_.as<StepState>(), config_.schedule);
}

// The averages follow the student, all of them in one pass.
void Trainer::follow() {
  const auto move = [&](View<float, 1> ema, View<bf16, 1> rounded, const Tensor& more, View<const float, 1> student) {
    const View<const StepState, 1> state = state_.as<StepState>();
    if (averages() == 1) return ema_update(context_, ema, rounded, student, state);
    ema_updates(context_, ema, rounded, more.view<float, 2>(), student, state, decays_);
  };
  move(ema_weights_.values, ema_weights_.rounded, more_values_, student_weights_.values);
  if (config_.ema_buffers == EmaBuffers::averaged)
    move(ema_weights_.running, {}, more_running_, student_weights_.running);
  else if (config_.ema_buffers == EmaBuffers::copied)
    context_.copy(ema_weights_.running, student_weights_.running);
}

void Trainer::optimize(View<const float, 1> grads) {
  const View<const StepState, 1> state = state_.as<StepState>();
  if (config_.optimizer == Optimizer::adam)
    adam_step(context_, student_weights_.values, student_weights_.rounded, momentum_.view<float, 1>(),
              second_moment_.view<float, 1>(), grads, state, config_.adam);
  else
    sgd_step(context_, student_weights_.values, student_weights_.rounded, momentum_.view<float, 1>(), grads, state,
             config_.sgd);
}

// The first step makes the libraries' plans and shows how much scratch memory a step needs.
void Trainer::warm_up() {
  run_steps(1);
  if (shards_ && shards_->ranks()) context_.synchronize();  // by which others are watched, and freeing memory is not
  context_.for_each_scratch([](Arena& arena) { arena.consolidate(); });
  ++step_;
  warm_ = true;
}

// While it lives, a step that allocates is an error.
class FrozenScratch {
 public:
  explicit FrozenScratch(Context& context) : context_(context) {
    context.for_each_scratch([](Arena& arena) { arena.freeze(); });
  }
  ~FrozenScratch() {
    context_.for_each_scratch([](Arena& arena) { arena.thaw(); });
  }
  FrozenScratch(const FrozenScratch&) = delete;
  FrozenScratch& operator=(const FrozenScratch&) = delete;

 private:
  Context& context_;
};

// Graphs hold addresses of scratch memory: every replay must find the stack as the recording did, empty.
void Trainer::train(int64_t steps) try {
  if (!method_.trains()) {
    step_ += steps;
    return set_step(context_, state_.as<StepState>(), config_.schedule, step_);
  }
  const int64_t end = step_ + steps, per_graph = std::max<int64_t>(1, config_.steps_per_graph);
  context_.for_each_scratch([](Arena& arena) {
    if (arena.in_use()) fail_internal("Trainer::train: its caller holds scratch memory");
  });
  if (step_ < end && !warm_) warm_up();
  const FrozenScratch frozen(context_);
  while (step_ < end) {
    const int64_t count = end - step_ < per_graph ? 1 : per_graph;
    std::function<void()>& replay = count == 1 ? one_step_ : a_graph_;
    if (!replay) replay = context_.record([this, count] { run_steps(count); });
    replay();
    step_ += count;
  }
  if (shards_) shards_->compare(student_weights_.values, step_);
} catch (...) {
  if (shards_) context_.leave_ranks();  // before memory goes that work which others have part in is still to use
  throw;
}

EpochLosses Trainer::losses(int64_t steps) {
  const int64_t rows = config_.steps_per_epoch;
  steps = std::clamp<int64_t>(steps, 1, std::min(rows, std::max<int64_t>(step_, 1)));
  const std::vector<float> ring = ring_.to_host<float>(context_);
  double mean[kLossColumns] = {};
  for (int64_t s = step_ - steps; s < step_; ++s)
    for (int64_t c = 0; c < kLossColumns; ++c) mean[c] += double(ring[(s % rows) * kLossColumns + c]) / double(steps);
  for (double value : mean)
    if (!std::isfinite(value))
      fail(ExitCode::numerical, "the loss is not finite within steps " + std::to_string(step_ - steps) + " to " +
                                    std::to_string(step_) + "; lower ssl.lr, or check the images");
  const double known = mean[kPseudoKnown];
  return {mean[kLossLabeled], mean[kLossUnlabeled], mean[kMaskRate], known > 0 ? mean[kPseudoRight] / known : NAN};
}

EpochPseudo Trainer::pseudo_labels() {
  const size_t classes = size_t(net_.classes());
  const std::vector<float> counts = tally_.to_host<float>(context_);
  const auto count = [&](Tally what, size_t c) { return double(counts[size_t(what) * classes + c]); };
  const auto over = [](double part, double whole) { return whole > 0 ? part / whole : NAN; };
  EpochPseudo result;
  for (size_t c = 0; c < classes; ++c) {
    result.precision.push_back(over(count(kRight, c), count(kKnown, c)));
    result.recall.push_back(over(count(kRight, c), count(kTrue, c)));
    result.share.push_back(over(count(kClaimed, c), count(kDrawn, c)));
    result.unclaimed -= result.share.back();
  }
  return result;
}

void Trainer::save(nn::TensorFile& file) {
  const auto add = [&](const char* name, View<float, 1> v) {
    std::vector<float> host(v.size());
    context_.copy_out(host.data(), v);
    file.add(name, {v.size()}, host);
  };
  add("student.values", student_weights_.values);
  add("student.running", student_weights_.running);
  add("ema.values", ema_weights_.values);
  add("ema.running", ema_weights_.running);
  if (more_values_.size() > 0) add("averages.values", more_values_.view<float, 1>());
  if (more_running_.size() > 0) add("averages.running", more_running_.view<float, 1>());
  add("momentum", momentum_.view<float, 1>());
  if (config_.optimizer == Optimizer::adam) add("second_moment", second_moment_.view<float, 1>());
  if (rates_.size() > 0) add("ctaugment_rates", rates_.view<float, 1>());
  running_.save(context_, file);
  add("pseudo_tally", tally_.view<float, 1>());
  add("losses", ring_.view<float, 1>());
  file.add("step", {}, std::vector<int64_t>{step_});
}

void Trainer::restore(const nn::TensorFile& file, const std::string& source) {
  const auto read = [&](const std::string& name, View<float, 1> v) {
    const std::vector<float> host = file.at(name, source).values<float>();
    if (int64_t(host.size()) != v.size())
      fail(ExitCode::corrupt_data, source + ": '" + name + "' has " + std::to_string(host.size()) +
                                       " values, this network needs " + std::to_string(v.size()));
    context_.copy_in(v, host.data());
    return host;
  };
  const auto read_model = [&](const std::string& name, const nn::Weights& weights) {
    const std::vector<float> values = read(name + ".values", weights.values);
    nn::check_values(net_.layout(), values, read(name + ".running", weights.running), source + ", " + name);
    nn::round_weights(context_, weights);
  };
  read_model("student", student_weights_);
  read_model("ema", ema_weights_);
  if (more_values_.size() > 0) read("averages.values", more_values_.view<float, 1>());
  if (more_running_.size() > 0) read("averages.running", more_running_.view<float, 1>());
  read("momentum", momentum_.view<float, 1>());
  if (config_.optimizer == Optimizer::adam) read("second_moment", second_moment_.view<float, 1>());
  if (rates_.size() > 0) read("ctaugment_rates", rates_.view<float, 1>());
  running_.restore(context_, file, source);
  if (file.find("pseudo_tally"))
    read("pseudo_tally", tally_.view<float, 1>());
  else  // of an earlier version, which had none
    context_.set_zero(tally_.view<float, 1>());
  read("losses", ring_.view<float, 1>());
  const std::vector<int64_t> step = file.at("step", source).values<int64_t>();
  if (step.size() != 1 || step[0] < 0) fail(ExitCode::corrupt_data, source + ": 'step' is not one step number");
  step_ = step[0];
  set_step(context_, state_.as<StepState>(), config_.schedule, step_);
}

void rehearse(Context& context, const nn::Net& net, const ImageSet& images, const std::vector<int64_t>& labeled,
              const std::vector<int64_t>& unlabeled, TrainConfig config, const Ranks* ranks) {
  if (!ranks || ranks->size() == 1 || context.device().kind == DeviceKind::cpu) return;
  config.batch /= config.shards, config.shards = 0;
  Trainer(context, net, images, labeled, unlabeled, config).train(1);
  context.synchronize();
  context.for_each_scratch([](Arena& arena) { arena.clear(); });
}

}  // namespace crc::ssl
