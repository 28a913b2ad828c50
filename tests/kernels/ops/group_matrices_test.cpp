#include "kernels/ops/group_matrices.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class GroupMatrices : public OnDevice {
 protected:
  // Inner products of rows of x [.,r] and of y.
  template <class T> static std::vector<T> products(const std::vector<T>& x, const std::vector<T>& y, int64_t r) {
    std::vector<T> k;
    for (size_t i = 0; i < x.size(); i += r)
      for (size_t j = 0; j < y.size(); j += r) {
        T total = 0;
        for (int64_t d = 0; d < r; ++d) total += x[i + d] * y[j + d];
        k.push_back(total);
      }
    return k;
  }
  // Only the lower triangles; what is above must stay as it was.
  template <class T>
  static void expect_lower(const std::vector<T>& a, const std::vector<double>& e, int64_t n, T above) {
    std::vector<double> lower, expected;
    for (size_t k = 0; k < a.size(); ++k) {
      if (int64_t(k) % n <= int64_t(k) / n % n)
        lower.push_back(a[k]), expected.push_back(e[k]);
      else
        EXPECT_EQ(a[k], above) << "written above the diagonal";
    }
    expect_close(lower, expected, Class::reduce, DtypeOf<T>::value, "lower triangle");
  }
  struct Sizes {
    int64_t labeled, pool, rank, batch, group;
  };
  static constexpr Sizes kSizes[] = {
      {0, 3, 2, 2, 1}, {1, 4, 1, 3, 2}, {5, 11, 7, 3, 3}, {9, 20, 4, 4, 5}, {3, 6, 5, 0, 2}};
  static std::vector<int64_t> draw_members(const Sizes& s) {
    std::vector<int64_t> members(s.batch * s.group);
    for (size_t k = 0; k < members.size(); ++k)
      members[k] = Draws(5, Purpose::test, int64_t(k), 0).below(uint32_t(s.pool));
    return members;
  }

  template <class T> void gram() {
    for (const Sizes& s : kSizes) {
      const auto v_l = cast<T>(uniform(s.labeled * s.rank, 1)), v_u = cast<T>(uniform(s.pool * s.rank, 2));
      const auto members = draw_members(s);
      const int64_t n = s.labeled + s.group;
      Guarded<T, 3> a(context, {s.batch, n, n}, std::vector<T>(s.batch * n * n, T(5)), "a");
      Guarded<T, 2> k_ll(context, {s.labeled, s.labeled}, products(v_l, v_l, s.rank), "k_ll"),
          k_ul(context, {s.pool, s.labeled}, products(v_u, v_l, s.rank), "k_ul"),
          rows(context, {s.pool, s.rank}, v_u, "v_u");
      const Guarded<int64_t, 2> index(context, {s.batch, s.group}, members, "members");
      gram_matrices(context, a.view(), k_ll, k_ul, rows, index);
      std::vector<double> expected;
      for (int64_t b = 0; b < s.batch; ++b) {
        std::vector<double> all = cast_up(v_l);
        for (int64_t g = 0; g < s.group; ++g)
          for (int64_t d = 0; d < s.rank; ++d) all.push_back(v_u[members[b * s.group + g] * s.rank + d]);
        const auto k = products(all, all, s.rank);
        expected.insert(expected.end(), k.begin(), k.end());
      }
      expect_lower(a.get(), expected, n, T(5));
    }
  }
  template <class T> static std::vector<double> cast_up(const std::vector<T>& v) { return {v.begin(), v.end()}; }
};

TEST_P(GroupMatrices, GramFp64) { gram<double>(); }
TEST_P(GroupMatrices, GramFp32) { gram<float>(); }

TEST_P(GroupMatrices, Moment) {
  for (const Sizes& s : kSizes) {
    const int64_t r = s.rank;
    const auto v_u = cast<double>(uniform(s.pool * r, 2)), m_l = cast<double>(uniform(r * r, 3));
    const auto members = draw_members(s);
    Guarded<double, 3> a(context, {s.batch, r, r}, std::vector<double>(s.batch * r * r, 5.0), "a");
    Guarded<double, 2> base(context, {r, r}, m_l, "m_l"), rows(context, {s.pool, r}, v_u, "v_u");
    const Guarded<int64_t, 2> index(context, {s.batch, s.group}, members, "members");
    moment_matrices(context, a.view(), base.view(), rows.view(), index);
    std::vector<double> expected;
    for (int64_t b = 0; b < s.batch; ++b)
      for (int64_t k = 0; k < r * r; ++k) {
        double total = m_l[k];
        for (int64_t g = 0; g < s.group; ++g) {
          const double* v = &v_u[members[b * s.group + g] * r];
          total += v[k / r] * v[k % r];
        }
        expected.push_back(total);
      }
    expect_lower(a.get(), expected, r, 5.0);
  }
}

TEST_P(GroupMatrices, Bordered) {
  for (const Sizes& s : kSizes) {
    const int64_t n = s.labeled + s.group, rows = s.batch * s.group;
    const auto k_ll = cast<double>(uniform(s.labeled * s.labeled, 1)),
               k_gl = cast<double>(uniform(rows * s.labeled, 2)), k_gg = cast<double>(uniform(rows * s.group, 3));
    Guarded<double, 3> a(context, {s.batch, n, n}, std::vector<double>(s.batch * n * n, 5.0), "a");
    const Guarded<double, 2> ll(context, {s.labeled, s.labeled}, k_ll, "k_ll"),
        gl(context, {rows, s.labeled}, k_gl, "k_gl");
    const Guarded<double, 3> gg(context, {s.batch, s.group, s.group}, k_gg, "k_gg");
    bordered_matrices(context, a.view(), ll, gl, gg);
    std::vector<double> expected(s.batch * n * n);
    for (int64_t b = 0; b < s.batch; ++b)
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
          const int64_t g = b * s.group + i - s.labeled;
          expected[(b * n + i) * n + j] = i < s.labeled   ? k_ll[i * s.labeled + std::min(j, s.labeled - 1)]
                                          : j < s.labeled ? k_gl[g * s.labeled + j]
                                                          : k_gg[g * s.group + j - s.labeled];
        }
    expect_lower(a.get(), expected, n, 5.0);
  }
}

TEST_P(GroupMatrices, WrongShapeIsAnError) {
  Guarded<double, 3> a(context, {1, 2, 2}, std::vector<double>(4), "a");
  Guarded<double, 2> m(context, {3, 3}, std::vector<double>(9), "m_l"),
      v(context, {4, 3}, std::vector<double>(12), "v");
  const Guarded<int64_t, 2> index(context, {1, 2}, {0, 1}, "members");
  EXPECT_THROW(moment_matrices(context, a.view(), m.view(), v.view(), index), Error);
}

CRC_ON_EACH_DEVICE(GroupMatrices);

}  // namespace
}  // namespace crc::test
