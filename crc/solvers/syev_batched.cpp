// Duals, in batches.
#include "crc/solvers/dense.h"

namespace crc::select {

Scorer make_syev_batched(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [dense = std::make_shared<Dense>(context, ntk, labeled, unlabeled)](Positions groups) {
    return by_dual(*dense, groups,
                   [&](View<double, 2> w, View<double, 3> a) { eigvals_batched(dense->context, w, a); });
  };
}

}  // namespace crc::select
