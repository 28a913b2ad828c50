// SimMatch (Zheng et al. 2022, "SimMatch: Semi-supervised Learning with Similarity Matching", Eq. 1-10 and 12: the form
// for small labelled sets, whose teacher is the student). A bank remembers an embedding of each labelled image. Target:
// the aligned prediction, mixed with what the weak view's similarities to the bank say of its classes; soft. Mask: its
// largest entry is at least the threshold. And the strong view's similarities learn those of the weak view, refined by
// the prediction (kernels/ops/memory_bank.h). As in USB both wait for an epoch; a row of the bank begins with its image's
// first embedding, where USB's begin at random.
#include "kernels/ops/memory_bank.h"
#include "ssl/methods/alignment.h"

namespace crc::ssl {
namespace {

class SimMatch : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return matching_views(); }
  int64_t projection(const TrainConfig& config) const override { return config.simmatch.embedding; }

  std::vector<StateArray> running(const TrainConfig& config, const PoolSize& pool) const override {
    std::vector<StateArray> arrays = Alignment(config, Align::uniform).running(pool.classes);
    arrays.push_back({"bank", pool.labeled * config.simmatch.embedding});
    arrays.push_back({"bank_labels", pool.labeled, -1.0f});
    arrays.push_back({"threshold", 1, config.threshold});
    return arrays;
  }

  void gradients(const TrainingStep& s, const Batch& batch) const override {
    const SimMatchConfig& config = s.config.simmatch;
    const nn::Projection& head = *s.net.projection();
    const int64_t b = batch.labeled, m = batch.unlabeled, items = s.pool.labeled, n = b + 2 * m;
    Matching step(s, batch);
    step.predict();
    const auto labeled = step.take<float, 2>({b, s.net.classes()}, "labelled predictions");  // [B,C]
    softmax(s.context, labeled, step.x);
    Alignment(s.config, Align::uniform).apply(step, labeled);

    const auto z = step.take<float, 2>({n, head.size()}, "embeddings");  // [B+2M,E]
    const nn::Projection::Saved saved = head.forward(s.context, s.student, z, step.features);
    const View<float, 2> bank = s.running.matrix("bank", head.size());         // [L,E]
    const View<float, 1> labels = s.running["bank_labels"];                    // [L]
    const auto similar = step.take<float, 2>({2 * m, items}, "similarities");  // [2M,L]: weak, strong
    const auto q = step.take<float, 2>({m, items}, "similarities of weak views"),
               target = step.take<float, 2>({m, items}, "targets");
    const auto mixed = step.take<float, 2>({m, s.net.classes()}, "mixed predictions");  // [M,C]
    const auto on = step.take<float, 1>({m}, "instances that learn");                   // [M]
    gemm(s.context, similar, z.slice(b, n), bank, GemmConfig{.transpose_b = true});
    const auto weak = similar.slice(0, m), strong = similar.slice(m, 2 * m);
    bank_similarity(s.context, q, strong, weak, labels, s.config.temperature);
    instance_targets(s.context, target, mixed, on, q, step.probabilities, labels, s.state,
                     InstanceConfig{.alpha = config.alpha, .warmup = config.warmup});
    top_class(s.context, step.confidence, step.label, mixed);
    step.keep_confident();
    step.learn_labels();
    step.learn(mixed);

    TargetCeConfig instances = step.mean();
    instances.scale *= config.instance_weight;
    instances.temperature = s.config.temperature;
    instances.adds = true;
    s.context.set_zero(q);  // it becomes the gradient of the strong views' similarities
    target_ce(s.context, q, step.losses_u, strong, target, on, s.state, instances);
    const auto dz = step.take<float, 2>({m, head.size()}, "gradient of the embeddings");                     // [M,E]
    const auto dfeatures = step.take<float, 2>({n, s.net.feature_dim()}, "their gradient by the features");  // [B+2M,D]
    s.context.set_zero(dfeatures);
    gemm(s.context, dz, q, bank, GemmConfig{});
    head.backward(s.context, s.student, s.grads, dfeatures.slice(b + m, n), dz, saved.slice(b + m, n));
    remember_rows(s.context, bank, labels, s.labeled, z.slice(0, b), batch.labeled_items, batch.labels,
                  config.bank_decay);
    step.finish(dfeatures);
  }
};

}  // namespace

const Method& simmatch() {
  static const SimMatch method;
  return method;
}

}  // namespace crc::ssl
