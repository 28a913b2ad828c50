// What a trained network says of the pool, for acquisitions: evaluation mode, no augmentation, fp32 whatever precision
// training has.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/rundir/query_files.h"
#include "apps/train/experiment.h"
#include "crc/acquisition.h"
#include "kernels/ops/normalize.h"
#include "nn/jacobian.h"
#include "ssl/evaluate.h"
#include "ssl/pseudo_labels.h"

namespace crc::apps {

// Its Jacobians. Items are image numbers. Holds references: net, weights and images must outlive it.
class NetJacobians : public select::Jacobians {
 public:
  NetJacobians(const nn::Net& net, const nn::Weights& weights, const ssl::ImageSet& images,
               const NormalizeConfig& normalize);

  int64_t classes() const override { return net_.classes(); }
  const std::vector<select::JacobianBlock>& blocks() const override { return blocks_; }
  void compute(Context& context, std::span<const int64_t> items, const std::vector<bool>& wanted,
               const Receive& receive) const override;
  Bytes bytes(const std::vector<bool>& wanted) const override;
  select::Head head() const;  // the last layer

 private:
  std::vector<bool> params_of(const std::vector<bool>& wanted) const;  // by the layout's index

  const nn::Net& net_;
  nn::Weights weights_;
  const ssl::ImageSet& images_;
  NormalizeConfig normalize_;
  nn::Jacobian<float> jacobian_;
  std::vector<int> params_;  // of the blocks
  std::vector<select::JacobianBlock> blocks_;
};

select::Config selection_config(const Config& config, int64_t round, int64_t budget);

// Scores the pool of a run, round after round, by the model of acquisition.model.
class PoolScorer {
 public:
  explicit PoolScorer(const RunContext& run);

  void forget() { prediction_.reset(); }  // what it keeps of the device's memory between judge() and select()

  // The pseudo-labels that the model of `round` gives `items` of the pool.
  ssl::PseudoLabels judge(int64_t round, const std::vector<int64_t>& items);

  // The query after `round`: whom the model of that round asks about. `worth` is for what looks ahead.
  select::Selection select(int64_t round, const data::Pool& pool, select::Worth worth = {});

  // What the model of the last select() says of `items`, for whoever labels them; empty where there was none.
  std::vector<LabelHint> hints(std::span<const int64_t> items, const data::Pool& pool) const;

  // The first `count` items, before there is a model: by the acquisition of acquisition.first on the embeddings, or,
  // where that is "model", by acquisition.name on a network that was never trained (the paper's B.2), and on which
  // nothing ever trains.
  select::Selection select_first(int64_t count);

 private:
  nn::WeightBuffers model(int64_t round) const;
  ssl::Prediction predict(const nn::Weights& weights) const;
  // By logits / temperature.
  select::Selection select(const ssl::Prediction& prediction, const nn::Weights& weights, const data::Pool& pool,
                           select::Config config, double temperature = 1, select::Worth worth = {});
  double temperature(const nn::Weights& weights) const;  // of acquisition.calibrate
  double cross_validated(const nn::Weights& weights) const;
  select::Selection select(select::Problem problem, const data::Pool& pool, select::Config config);
  View<const float, 2> embeddings();  // [N,D] of the pool
  Tensor dropout_samples(const ssl::Prediction& prediction, const select::Head& head, const select::Config& config,
                         double temperature) const;  // [S,N,C]

  const RunContext& run_;
  std::unique_ptr<nn::Net> net_;
  std::optional<ssl::Prediction> prediction_;  // of the whole pool by the model of a round
  std::optional<Tensor> embeddings_;           // of images, once they were asked for
};

}  // namespace crc::apps
