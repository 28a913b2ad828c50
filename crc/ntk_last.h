// The last-layer NTK of a pool as coordinates. For logits W h + b the trace kernel over the last linear layer is
//   K~(x,x') = C (<h(x), h(x')> + 1) = C <a(x), a(x')>,   a = (h, 1)
// (paper section 3.1; the parameter gradient of logit c is a in the rows of class c). Its rank is at most D+1. The
// coordinates v = Q^T a, with Q the eigenvectors of the pool's moment matrix sum a a^T that are above rounding, have
// the same inner products in exactly `rank` dimensions: what every group of the pool lacks is gone once and for all.
#pragma once

#include <span>

#include "crc/host_rows.h"
#include "kernels/core/tensor.h"

namespace crc::select {

struct LastLayerNtk {
  int64_t features;           // D
  int64_t rank;               // r <= D+1
  int64_t constant_features;  // columns of h with one value on the whole pool
  int64_t labeled;            // L
  Tensor coordinates;         // [L+U,r] fp64, labelled rows first, both in the order of the lists

  View<const double, 2> labeled_rows() const { return coordinates.view<const double, 2>().slice(0, labeled); }
  View<const double, 2> unlabeled_rows() const {
    return coordinates.view<const double, 2>().slice(labeled, coordinates.shape()[0]);
  }
};

// An eigenvalue of the moment matrix below this fraction of the largest is rounding: a sum of N products in fp64 is
// wrong by about sqrt(N) 2^-52 of its size, N up to millions.
inline constexpr double kRankTolerance = 0x1p-40;

// Lists ascending, together not empty.
LastLayerNtk last_layer_ntk(Context& context, const HostRows& features, std::span<const int64_t> labeled,
                            std::span<const int64_t> unlabeled);

// Appends (h, 1) of every item to `rows`.
template <class T>
void append_augmented(std::vector<T>& rows, const HostRows& features, std::span<const int64_t> items) {
  rows.reserve(rows.size() + items.size() * (features.width + 1));
  for (int64_t item : items) {
    rows.insert(rows.end(), features[item].begin(), features[item].end());
    rows.push_back(1);
  }
}

}  // namespace crc::select
