// The matrices whose smallest eigenvalue scores a group of candidates, for a batch of groups. Rows v(x) [r] are
// coordinates of items, K(x,x') = <v(x), v(x')>. Group b holds the items `members`[b,:], row numbers of v_u, each in
// [0,U): the caller checks. Only the lower triangles are written. Class: point.
//
// gram_matrices: a[b] = K over (L, group b), [n,n] with n = |L|+G; k_ll [L,L] and k_ul [U,L] are computed beforehand.
// moment_matrices: a[b] = m_l + sum over the group of v v^T, [r,r]; m_l = V_L^T V_L. The same nonzero eigenvalues, in a
// size that does not grow with L.
// bordered_matrices: a[b] = K over (L, group b) from its parts: k_ll [L,L], k_gl [B*G,L], k_gg [B,G,G]; fp64.
// v_u [U,r], members [B,G]. fp64 for scores; fp32 only shows what fp32 does to them.
#pragma once

#include "kernels/core/op.h"

namespace crc {

template <class T> struct GramEntry {
  const T *k_ll, *k_ul, *v_u;
  const int64_t* members;
  int64_t labeled, group, rank;

  // Row i, column j <= i of group b's matrix.
  CRC_HD T operator()(int64_t b, int64_t i, int64_t j) const {
    if (i < labeled) return k_ll[i * labeled + j];
    const int64_t x = members[b * group + i - labeled];
    if (j < labeled) return k_ul[x * labeled + j];
    const T *v = v_u + x * rank, *u = v_u + members[b * group + j - labeled] * rank;
    T total = 0;
    for (int64_t d = 0; d < rank; ++d) total += v[d] * u[d];
    return total;
  }
};

template <class T> struct MomentEntry {
  const T *m_l, *v_u;
  const int64_t* members;
  int64_t group, rank;

  CRC_HD T operator()(int64_t b, int64_t i, int64_t j) const {
    T total = m_l[i * rank + j];
    for (int64_t g = 0; g < group; ++g) {
      const T* v = v_u + members[b * group + g] * rank;
      total += v[i] * v[j];
    }
    return total;
  }
};

struct BorderedEntry {
  const double *k_ll, *k_gl, *k_gg;
  int64_t labeled, group;

  CRC_HD double operator()(int64_t b, int64_t i, int64_t j) const {
    if (i < labeled) return k_ll[i * labeled + j];
    const int64_t row = b * group + i - labeled;
    return j < labeled ? k_gl[row * labeled + j] : k_gg[row * group + j - labeled];
  }
};

CRC_OP(void, gram_matrices,
       (View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_ul, View<const double, 2> v_u,
        View<const int64_t, 2> members))
CRC_OP(void, gram_matrices,
       (View<float, 3> a, View<const float, 2> k_ll, View<const float, 2> k_ul, View<const float, 2> v_u,
        View<const int64_t, 2> members))
CRC_OP(void, moment_matrices,
       (View<double, 3> a, View<const double, 2> m_l, View<const double, 2> v_u, View<const int64_t, 2> members))
CRC_OP(void, bordered_matrices,
       (View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_gl, View<const double, 3> k_gg))

// Checks the shapes of both backends' calls and makes the functor.
template <class T>
GramEntry<T> gram_entry(View<T, 3> a, View<const T, 2> k_ll, View<const T, 2> k_ul, View<const T, 2> v_u,
                        View<const int64_t, 2> members) {
  const int64_t labeled = k_ll.shape[0], group = members.shape[1], n = labeled + group;
  check_shape("gram_matrices", a, {members.shape[0], n, n});
  check_shape("gram_matrices", k_ll, {labeled, labeled});
  check_shape("gram_matrices", k_ul, {v_u.shape[0], labeled});
  return {k_ll.data, k_ul.data, v_u.data, members.data, labeled, group, v_u.shape[1]};
}
template <class T>
MomentEntry<T> moment_entry(View<T, 3> a, View<const T, 2> m_l, View<const T, 2> v_u, View<const int64_t, 2> members) {
  const int64_t rank = v_u.shape[1];
  check_shape("moment_matrices", a, {members.shape[0], rank, rank});
  check_shape("moment_matrices", m_l, {rank, rank});
  return {m_l.data, v_u.data, members.data, members.shape[1], rank};
}
inline BorderedEntry bordered_entry(View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_gl,
                                    View<const double, 3> k_gg) {
  const int64_t batch = a.shape[0], labeled = k_ll.shape[0], group = k_gg.shape[1], n = labeled + group;
  check_shape("bordered_matrices", a, {batch, n, n});
  check_shape("bordered_matrices", k_ll, {labeled, labeled});
  check_shape("bordered_matrices", k_gl, {batch * group, labeled});
  check_shape("bordered_matrices", k_gg, {batch, group, group});
  return {k_ll.data, k_gl.data, k_gg.data, labeled, group};
}

}  // namespace crc
