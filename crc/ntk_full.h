// The NTK over many layers, from explicit Jacobians: the trace kernel of the paper (section 3.1),
//   K~(x,x') = sum_c <d f_c(x)/d theta, d f_c(x')/d theta>  over the chosen parameters,
// is the Gram matrix of rows of C*P numbers. Jacobians of the labelled set are computed once and kept; the pool goes by
// in chunks and is never kept. Jacobians are fp32, inner products fp64 (kernels/ops/gram_accumulate.h).
#pragma once

#include "crc/acquisition.h"
#include "crc/labeled_rank.h"
#include "crc/search.h"
#include "kernels/core/tensor.h"

namespace crc::select {

// What computing will take, decided before it starts.
struct JacobianPlan {
  std::vector<bool> wanted;    // [blocks]
  int64_t arrays, parameters;  // chosen ones; parameters of all of them
  int64_t row_bytes;           // Jacobian of one item: 4*C*P
  int64_t chunk;               // items at a time, a multiple of the group size
  int64_t kept_bytes;          // Jacobians of the labelled set
  int64_t kernel_bytes;        // kernels of the labelled set and of a chunk
  int64_t working_bytes;       // what a chunk takes while its Jacobians are computed
  int64_t total_bytes() const { return kept_bytes + kernel_bytes + working_bytes; }
  std::string text;  // one line for logs
};

// Items at a time: as many as fit, at most this; beyond it products are large enough.
inline constexpr int64_t kMostChunkItems = 256;

// `kept` items stay, others go by in chunks of whole groups of `group`. Error config if there is no source;
// out_of_memory, with the bytes that are missing, if config.memory_bytes does not hold one group.
JacobianPlan plan_jacobians(const Jacobians* source, const Config& config, const std::string& layers, int64_t kept,
                            int64_t group);

class FullNtk {
 public:
  // Computes the Jacobians of `labeled` and keeps them.
  FullNtk(Context& context, const Jacobians& source, JacobianPlan plan, std::span<const int64_t> labeled);

  // The kernel over L and each group: lower triangles [count,n,n], n = |L|+G, row order (labeled, group).
  Tensor matrices(const Groups& groups, int64_t begin, int64_t count) const;

  // The smallest eigenvalue of every group's kernel by structural rank: the min(rank(L) + G, rank)-th largest
  // (crc/labeled_rank.h), where rank is the sum of the blocks' (crc/jacobians.h), and 0 below max(n 2^-52,
  // kRankTolerance) lambda_max: equal images have fp32 Jacobians that may differ in their last bits. Solver capacitance
  // decomposes the labelled set's kernel once and takes every group as the border of its part that counts; syevd is the
  // definition.
  std::vector<double> smallest(const Groups& groups, Solver solver) const;

  int64_t rank() const { return rank_; }
  int64_t labeled_rank() const { return known_.rank; }
  const JacobianPlan& plan() const { return plan_; }

 private:
  // Of the groups [begin, begin + count): kernels with L [1,count*G,L] and within [count,G,G].
  struct Borders {
    Tensor k_gl, k_gg;
  };
  Borders borders(const Groups& groups, int64_t begin, int64_t count) const;
  Tensor whole(const Borders& borders, int64_t count, int64_t size) const;
  std::vector<double> by_spectra(const Borders& borders, int64_t count, int64_t size) const;
  std::vector<double> by_capacitance(const Borders& borders, int64_t count, int64_t size) const;
  double noise(int64_t n) const;

  Context& context_;
  const Jacobians& source_;
  JacobianPlan plan_;
  int64_t labeled_, rank_ = 0;
  std::vector<Tensor> kept_;    // per block [1,L,C*P]; empty where not wanted
  Tensor k_ll_;                 // [1,L,L]
  std::vector<double> lambda_;  // [L] its eigenvalues
  LabeledRank known_;
  Tensor vectors_;  // [L,L] its eigenvectors, row by row
};

// The acquisitions crc_layers and crc_full.
void check_by_jacobians(const Config& config, const Request& request, const std::string& layers);
Selection select_by_jacobians(Context& context, const Problem& problem, const Config& config,
                              const std::string& layers);

}  // namespace crc::select
