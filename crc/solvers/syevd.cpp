// The definition, matrix by matrix: the smaller of the Gram matrix and its dual.
#include "crc/solvers/dense.h"

namespace crc::select {

Scorer make_syevd(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [dense = std::make_shared<Dense>(context, ntk, labeled, unlabeled)](Positions groups) {
    if (dense->n(groups) <= dense->rank)
      return by_gram(dense->context, groups, dense->labeled.view<const double, 2>(),
                     dense->unlabeled.view<const double, 2>(), dense->by_rule(groups));
    return by_dual(*dense, groups, [&](View<double, 2> w, View<double, 3> a) { eigvals(dense->context, w, a); });
  };
}

}  // namespace crc::select
