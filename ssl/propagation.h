// Label propagation (Zhou, Bousquet, Lal, Weston & Schoelkopf 2004, "Learning with Local and Global Consistency"): a
// graph joins every item of the pool to its k nearest; with its weights W, made symmetric by the larger of two, and
// S = D^-1/2 W D^-1/2 the scores are F = (1 - alpha) (I - alpha S)^-1 Y, Y the labels as unit vectors, and an item's
// logits the logarithms of its scores' shares. Nothing is trained.
//
// Solved by Chebyshev's iteration on the interval [1 - alpha, 1 + alpha], which holds the spectrum: its steps and their
// number follow from alpha and the tolerance alone (22 for 0.9 and 1e-4), no inner product is taken, and the op
// kernels/ops/propagate.h adds in a fixed order: the same bits for any number of threads. Items outside the pool take
// the scores of their k nearest in it, F(x) ~ sum_j w(x,j) F_j / sqrt(D_j), as an item without label does in the
// solution. The graph is exact (kernels/ops/pairwise_tile.h) and found once; label sets come one after another.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "kernels/core/choice.h"
#include "ssl/evaluate.h"

namespace crc::ssl {

CRC_CHOICE(Affinity, cosine, rbf)

struct GraphConfig {
  int64_t neighbors = 15;
  Affinity affinity = Affinity::cosine;
  double alpha = 0.9;
  double tolerance = 1e-4;  // of the scores, relative to those of all labels
};

// The `k` nearest of the pool to each of N rows, nearest first; a row of the pool is not its own neighbour.
struct Neighbors {
  int64_t k = 0;
  std::vector<double> distances;  // [N,k], squared or cosine
  std::vector<int64_t> places;    // [N,k]
};

class Propagation {
 public:
  // `pool` must outlive it. Error config: fewer than two items, or images without embeddings.
  Propagation(Context& context, const ImageSet& pool, int64_t classes, const GraphConfig& config);

  // Finds the pool's neighbours, or takes those that were found before.
  const Neighbors& neighbors();
  // Error corrupt_data, with `source`: not as many as there must be, or a place outside the pool.
  void take(std::vector<double> distances, std::vector<int64_t> places, const std::string& source);

  // features [N,D]: the embeddings; logits [N,C]. `labels` [pool] with -1 for unlabelled; `images` is the pool itself
  // or another set, whose neighbours are found at the first call; of it the first `limit` items, 0: all.
  Prediction predict(const std::vector<int32_t>& labels, const ImageSet& images, int64_t limit = 0);

 private:
  struct Graph {
    Tensor begin, columns, weights;
  };
  Neighbors nearest(View<const float, 2> rows, bool itself);
  void join();  // makes graph_ and degrees_
  double affinity(double distance) const;
  void solve(const std::vector<int32_t>& labels);
  Graph links(const ImageSet& images);  // from other items to the pool
  Graph upload(const std::vector<int64_t>& begin, const std::vector<int64_t>& columns,
               const std::vector<double>& weights);

  Context& context_;
  const ImageSet& pool_;
  int64_t classes_;
  GraphConfig config_;
  Neighbors pool_neighbors_;
  double width_ = 1;  // s^2 of rbf
  std::unique_ptr<Graph> graph_;
  std::vector<double> degrees_;  // [pool]
  std::map<const ImageSet*, Graph> links_;
  std::vector<int32_t> solved_for_;
  std::unique_ptr<Tensor> scores_;  // [pool,C]
};

// What a round of label propagation leaves instead of weights: the label of every item of the pool, -1 where it had
// none. As a net it has features and classes, and no forward pass.
std::unique_ptr<nn::Net> make_label_table(int64_t items, int64_t features, int64_t classes);
std::vector<int32_t> labels_of(Context& context, const nn::Net& table, const nn::Weights& weights);

}  // namespace crc::ssl
