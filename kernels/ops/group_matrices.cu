#include "kernels/cuda/launch.cuh"
#include "kernels/ops/group_matrices.h"

namespace crc {
namespace {

template <class T, class Entry> struct FillLower {
  T* a;
  int64_t n;
  Entry entry;
  CRC_HD void operator()(int64_t k) const {
    const int64_t j = k % n, i = k / n % n, b = k / n / n;
    if (j <= i) a[k] = entry(b, i, j);
  }
};

template <class T, class Entry> void fill_lower(Cuda& cuda, const char* name, View<T, 3> a, const Entry& entry) {
  for_each(cuda, name, a.size(), FillLower<T, Entry>{a.data, a.shape[1], entry});
}

}  // namespace

void gram_matrices(Cuda& cuda, View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_ul,
                   View<const double, 2> v_u, View<const int64_t, 2> members) {
  fill_lower(cuda, "gram_matrices", a, gram_entry(a, k_ll, k_ul, v_u, members));
}
void gram_matrices(Cuda& cuda, View<float, 3> a, View<const float, 2> k_ll, View<const float, 2> k_ul,
                   View<const float, 2> v_u, View<const int64_t, 2> members) {
  fill_lower(cuda, "gram_matrices", a, gram_entry(a, k_ll, k_ul, v_u, members));
}
void moment_matrices(Cuda& cuda, View<double, 3> a, View<const double, 2> m_l, View<const double, 2> v_u,
                     View<const int64_t, 2> members) {
  fill_lower(cuda, "moment_matrices", a, moment_entry(a, m_l, v_u, members));
}
void bordered_matrices(Cuda& cuda, View<double, 3> a, View<const double, 2> k_ll, View<const double, 2> k_gl,
                       View<const double, 3> k_gg) {
  fill_lower(cuda, "bordered_matrices", a, bordered_entry(a, k_ll, k_gl, k_gg));
}

}  // namespace crc
