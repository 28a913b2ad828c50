// One step over a sparse graph: next[i,:] = scale * (sum_e weights[e] x[columns[e],:]) + a[i,:] * a_scale + b[i,:] *
// b_scale, the sum over the edges e in [begin[i], begin[i+1]) in their order. x [K,C]; begin [N+1]; columns, weights
// [E]; a, b [N,C], which may be `next` itself; next [N,C], not x. All fp64. Class: exact, the same order everywhere.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct PropagateConfig {
  double scale = 1, a_scale = 0, b_scale = 0;
};

// i: entry of `next`.
struct PropagateEntry {
  View<double, 2> next;
  View<const double, 2> x;
  View<const int64_t, 1> begin, columns;
  View<const double, 1> weights;
  View<const double, 2> a, b;
  PropagateConfig config;

  CRC_HD double joined(int64_t i, double sum) const {
    return (config.scale * sum + config.a_scale * a[i]) + config.b_scale * b[i];
  }
  CRC_HD void operator()(int64_t i) const {
    const int64_t classes = next.shape[1], row = i / classes, c = i % classes;
    double sum = 0;
    for (int64_t e = begin[row]; e < begin[row + 1]; ++e) sum += weights[e] * x[columns[e] * classes + c];
    next[i] = joined(i, sum);
  }
  void check() const {
    check_shape("propagate", next, {begin.size() - 1, x.shape[1]});
    check_shape("propagate", a, {next.shape[0], next.shape[1]});
    check_shape("propagate", b, {next.shape[0], next.shape[1]});
    check_shape("propagate", weights, {columns.size()});
    if (next.data == x.data && x.size() > 0) fail_internal("propagate: next is x");
  }
};

CRC_OP(void, propagate,
       (View<double, 2> next, View<const double, 2> x, View<const int64_t, 1> begin, View<const int64_t, 1> columns,
        View<const double, 1> weights, View<const double, 2> a, View<const double, 2> b, PropagateConfig config))

}  // namespace crc
