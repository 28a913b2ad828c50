// Trainer: what a step is shown: the items that it draws, their views, and the batch cut in shards.
#include "kernels/augment/ctaugment_update.h"
#include "kernels/ops/add.h"
#include "kernels/ops/draw_batch.h"
#include "kernels/ops/gather.h"
#include "kernels/ops/softmax_ce.h"
#include "ssl/inputs.h"
#include "ssl/trainer.h"

namespace crc::ssl {

using augment::AugmentConfig;

// The items of this step, not looked at yet, in scratch memory of the caller's frame: [labelled | unlabelled].
Batch Trainer::draw() {
  Arena& arena = context_.scratch();
  const int64_t b = config_.batch, m = unlabeled_per_step(config_);
  const View<const StepState, 1> state = state_.as<StepState>();
  auto items = arena.take<int64_t, 1>({b + m}, "batch ids");
  auto labels = arena.take<int32_t, 1>({b + m}, "batch labels");  // those of the unlabelled only judge pseudo-labels
  draw_batch(context_, items.slice(0, b), labeled_.view<int64_t, 1>(), state,
             DrawConfig{config_.seed, Purpose::labeled_order, config_.labeled_sampling, config_.steps_per_epoch});
  if (m > 0)
    draw_batch(context_, items.slice(b, b + m), unlabeled_.view<int64_t, 1>(), state,
               DrawConfig{config_.seed, Purpose::unlabeled_order, config_.unlabeled_sampling, config_.steps_per_epoch});
  gather_rows(context_, labels, images_.labels(), items);
  return {{}, labels.slice(0, b), b, m, labels.slice(b, b + m), items.slice(b, b + m), items.slice(0, b)};
}

// Part `shard` of a batch that was drawn, not looked at either.
Batch Trainer::part_of(const Batch& whole, int64_t shard) {
  Arena& arena = context_.scratch();
  const int64_t b = whole.labeled / config_.shards, m = whole.unlabeled / config_.shards;
  auto items = arena.take<int64_t, 1>({b + m}, "shard ids");
  auto labels = arena.take<int32_t, 1>({b + m}, "shard labels");
  context_.copy(items.slice(0, b), whole.labeled_items.slice(shard * b, (shard + 1) * b));
  context_.copy(labels.slice(0, b), whole.labels.slice(shard * b, (shard + 1) * b));
  if (m > 0) {
    context_.copy(items.slice(b, b + m), whole.items.slice(shard * m, (shard + 1) * m));
    context_.copy(labels.slice(b, b + m), whole.truth.slice(shard * m, (shard + 1) * m));
  }
  return {{}, labels.slice(0, b), b, m, labels.slice(b, b + m), items.slice(b, b + m), items.slice(0, b)};
}

// Builds the views of a batch from draw() or part_of().
void Trainer::look(Batch& batch) {
  const int64_t b = batch.labeled, m = batch.unlabeled;
  const View<const int64_t, 1> items{batch.labeled_items.data, {b + m}, context_.device(), batch.labeled_items.name};
  int64_t rows = 0, begin = 0, look = 0;
  for (const BatchView& view : method_.views(config_)) rows += view.rows(b, m);
  batch.images = take_inputs(context_, net_, images_, rows);
  for (const BatchView& view : method_.views(config_)) {
    const int64_t first = view.items == BatchView::Items::unlabeled ? b : 0, count = view.rows(b, m);
    look_at(view, look, nn::slice(batch.images, begin, begin + count), items.slice(first, first + count));
    look += view.items != BatchView::Items::labeled;
    begin += count;
  }
}

// One view y of `items`, the method's look number `look` at unlabelled ones: an augmentation of images; of embeddings
// the given views in turn or, where there is one only, that with noise.
void Trainer::look_at(const BatchView& view, int64_t look, const nn::Activations& y, View<const int64_t, 1> items) {
  const View<const StepState, 1> state = state_.as<StepState>();
  if (const int64_t views = images_.views()) {
    RowNoise noise = views > 1 ? RowNoise() : view.strong ? config_.strong_rows : config_.weak_rows;
    noise.seed = config_.seed;
    noise.purpose = view.purpose;
    const bool labels_only = view.items == BatchView::Items::labeled;
    return noisy_rows(context_, as_rows(y), images_.rows(labels_only ? 0 : look % views), items, state, noise);
  }
  AugmentConfig augment = config_.weak;
  augment.seed = config_.seed;
  augment.purpose = view.purpose;
  augment.strong = view.strong ? config_.strong : augment::Policy::none;
  std::visit([&](const auto& to) { augment_batch(context_, to, images_.pixels(), items, state, augment, rates()); }, y);
}

// CTAugment: how well the averaged model recognises labelled images at random levels moves those levels' rates.
void Trainer::learn_from_probes(const Batch& batch) {
  Arena& arena = context_.scratch();
  Arena::Frame frame(arena);
  const int64_t b = batch.labeled;
  const View<const StepState, 1> state = state_.as<StepState>();
  AugmentConfig probe = config_.weak;
  probe.seed = config_.seed;
  probe.purpose = Purpose::probe_augment;
  probe.strong = augment::Policy::ctaugment_probe;
  const nn::Activations images = net_.take_input(context_, b, images_.height(), images_.width());
  auto features = arena.take<float, 2>({b, net_.feature_dim()}, "probe features");  // [B,D]
  auto probabilities = arena.take<float, 2>({b, net_.classes()}, "probabilities");  // [B,C]
  std::visit(
      [&](const auto& y) { augment_batch(context_, y, images_.pixels(), batch.labeled_items, state, probe, rates()); },
      images);
  net_.forward(context_, ema_weights_, images, Mode::eval, features, probabilities, nullptr);
  softmax(context_, probabilities, probabilities);
  ctaugment_update(context_, rates_.view<float, 2>(), probabilities, batch.labels, batch.labeled_items, state, probe);
}

// As step_on, with the passes of its shards apart.
void Trainer::step_in_shards(const Batch& whole) {
  const Arena::Frame frame(context_.scratch());
  if (rates_.size() > 0) learn_from_probes(whole);  // in every process all of them
  std::vector<Passes::Part> parts;
  for (const ShardMean::Left& left : shards_->own()) {
    context_.set_zero(left.gradients);
    context_.copy(left.running, student_weights_.running);
    nn::Weights student = student_weights_, teacher = ema_weights_;
    student.running = left.running;
    if (left.teachers.size() > 0) {
      context_.copy(left.teachers, ema_weights_.running);
      teacher.running = left.teachers;
    }
    const size_t part = parts.size();
    Batch batch = part_of(whole, shards_->first() + int64_t(part));
    look(batch);
    parts.push_back({batch.images, student, teacher, {left.gradients, {}}, &saved_[part]});
  }
  std::vector<int64_t> sections;
  for (const BatchView& view : method_.views(config_)) {
    if (view.items != BatchView::Items::unlabeled) sections.push_back(whole.labeled);
    if (view.items != BatchView::Items::labeled) sections.push_back(whole.unlabeled);
  }
  take_gradients(Passes(net_, std::move(parts), config_.shards, std::move(sections), shards_->ranks(),
                        lockstep_ ? &*lockstep_ : nullptr),
                 whole);
  const ShardMean::Left& mean = shards_->mean();
  context_.copy(student_weights_.running, mean.running);
  if (mean.teachers.size() > 0) context_.copy(ema_weights_.running, mean.teachers);
  // What a projection head learned from the whole batch is in the one, what the network's passes learned in the other.
  if (net_.projection()) add(context_, mean.gradients, mean.gradients, grad_weights_.values);
  learn(mean.gradients);
}

}  // namespace crc::ssl
