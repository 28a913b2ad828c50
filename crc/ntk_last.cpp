#include "crc/ntk_last.h"

#include "kernels/cpu/lapack.h"
#include "kernels/ops/gemm.h"

namespace crc::select {
namespace {

int64_t count_constant(const std::vector<double>& rows, int64_t width) {
  int64_t count = 0;
  for (int64_t d = 0; d + 1 < width; ++d) {
    bool constant = true;
    for (size_t k = d; k < rows.size() && constant; k += width) constant = rows[k] == rows[d];
    count += constant;
  }
  return count;
}

}  // namespace

LastLayerNtk last_layer_ntk(Context& context, const HostRows& features, std::span<const int64_t> labeled,
                            std::span<const int64_t> unlabeled) {
  const int64_t width = features.width + 1, items = int64_t(labeled.size() + unlabeled.size());
  std::vector<double> rows;
  append_augmented(rows, features, labeled);
  append_augmented(rows, features, unlabeled);
  const Tensor a = Tensor::from_host(context, {items, width}, rows.data(), "augmented features");  // [L+U,D+1]
  const auto a_view = a.view<const double, 2>();

  const Tensor moment(context, {width, width}, Dtype::f64, "moment matrix");  // [D+1,D+1]
  gemm(context, moment.view<double, 2>(), a_view, a_view, GemmConfig{.transpose_a = true});
  // The one small decomposition is done on the host for every device.
  std::vector<double> vectors = moment.to_host<double>(context), values(width);
  symmetric_eigenvectors(width, vectors.data(), values.data());
  int64_t rank = 0;
  while (rank < width && values[width - 1 - rank] > kRankTolerance * values[width - 1]) ++rank;

  const Tensor basis =
      Tensor::from_host(context, {rank, width}, vectors.data() + (width - rank) * width, "basis");  // [r,D+1]
  LastLayerNtk ntk{features.width, rank, count_constant(rows, width), int64_t(labeled.size()),
                   Tensor(context, {items, rank}, Dtype::f64, "coordinates")};
  gemm(context, ntk.coordinates.view<double, 2>(), a_view, basis.view<const double, 2>(),
       GemmConfig{.transpose_b = true});
  return ntk;
}

}  // namespace crc::select
