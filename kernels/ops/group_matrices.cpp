#include "kernels/ops/group_matrices.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

template <class T, class Entry> void fill_lower(Cpu& cpu, View<T, 3> a, const Entry& entry) {
  const int64_t n = a.shape[1];
  for_chunks(cpu, a.shape[0], 1, [&](int64_t b, int64_t, int64_t) {
    const Entry local = entry;
    T* matrix = a.data + b * n * n;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j <= i; ++j) matrix[i * n + j] = local(b, i, j);
  });
}

}  // namespace

void gram_matrices(Cpu& cpu, View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_ul,
                   View<const double, 2> v_u, View<const int64_t, 2> members) {
  fill_lower(cpu, a, gram_entry(a, k_ll, k_ul, v_u, members));
}
void gram_matrices(Cpu& cpu, View<float, 3> a, View<const float, 2> k_ll, View<const float, 2> k_ul,
                   View<const float, 2> v_u, View<const int64_t, 2> members) {
  fill_lower(cpu, a, gram_entry(a, k_ll, k_ul, v_u, members));
}
void moment_matrices(Cpu& cpu, View<double, 3> a, View<const double, 2> m_l, View<const double, 2> v_u,
                     View<const int64_t, 2> members) {
  fill_lower(cpu, a, moment_entry(a, m_l, v_u, members));
}
void bordered_matrices(Cpu& cpu, View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_gl,
                       View<const double, 3> k_gg) {
  fill_lower(cpu, a, bordered_entry(a, k_ll, k_gl, k_gg));
}

}  // namespace crc
