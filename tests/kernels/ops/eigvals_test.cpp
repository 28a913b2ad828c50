#include "kernels/ops/eigvals.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/jacobi.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Eigvals : public OnDevice {};

// Symmetric, entries of both signs; `poison` goes above the diagonal, where no solver may look.
template <class T> std::vector<T> symmetric(int64_t batch, int64_t n, uint32_t seed, T poison) {
  std::vector<T> a = cast<T>(uniform(batch * n * n, seed));
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n; ++j) a[(b * n + i) * n + j] = poison;
  return a;
}

template <class T> std::vector<T> run(Context& context, int64_t batch, int64_t n, const std::vector<T>& a) {
  Guarded<T, 2> w(context, {batch, n}, std::vector<T>(batch * n), "w");
  Guarded<T, 3> matrices(context, {batch, n, n}, a, "a");
  eigvals(context, w.view(), matrices.view());
  matrices.get();
  return w.get();
}

template <class T> void agrees_with_jacobi(Context& context) {
  for (auto [batch, n] :
       {std::pair<int64_t, int64_t>{1, 1}, {0, 5}, {3, 0}, {7, 2}, {5, 3}, {4, 31}, {4, 33}, {2, 65}}) {
    const auto a = symmetric<T>(batch, n, uint32_t(n), T(NAN));
    std::vector<double> expected;
    for (int64_t b = 0; b < batch; ++b) {
      std::vector<double> full(n * n);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j <= i; ++j) full[i * n + j] = full[j * n + i] = a[(b * n + i) * n + j];
      const auto w = jacobi_eigenvalues(full, n);
      expected.insert(expected.end(), w.begin(), w.end());
    }
    const auto w = run(context, batch, n, a);
    expect_close(w, expected, Class::library, DtypeOf<T>::value, "w");
    EXPECT_EQ(w, run(context, batch, n, a)) << "not the same bits twice";
  }
}
TEST_P(Eigvals, BatchedIsTheSame) {
  for (auto [batch, n] : {std::pair<int64_t, int64_t>{0, 5}, {1, 1}, {9, 17}}) {
    const auto a = symmetric<double>(batch, n, uint32_t(n), NAN);
    Guarded<double, 2> w(context, {batch, n}, std::vector<double>(batch * n), "w");
    Guarded<double, 3> matrices(context, {batch, n, n}, a, "a");
    eigvals_batched(context, w.view(), matrices.view());
    expect_close(w.get(), run(context, batch, n, a), Class::library, Dtype::f64, "w");
  }
}
TEST_P(Eigvals, Fp64AgreesWithJacobi) { agrees_with_jacobi<double>(context); }
TEST_P(Eigvals, Fp32AgreesWithJacobi) { agrees_with_jacobi<float>(context); }

// By their definition: unit rows, at right angles, A x = w x.
TEST_P(Eigvals, VectorsAreThoseOfTheirValues) {
  for (const int64_t n : {0, 1, 2, 17, 33}) {
    const auto a = symmetric<double>(1, n, uint32_t(n), NAN);
    Guarded<double, 1> w(context, {n}, std::vector<double>(size_t(n)), "w");
    Guarded<double, 2> matrix(context, {n, n}, a, "a");
    eigvecs(context, w.view(), matrix.view());
    const auto values = w.get(), vectors = matrix.get();
    expect_close(values, run(context, 1, n, a), Class::library, Dtype::f64, "w");
    std::vector<double> products, scaled, inner, identity;
    for (int64_t k = 0; k < n; ++k)
      for (int64_t i = 0; i < n; ++i) {
        long double product = 0, dot = 0;
        for (int64_t j = 0; j < n; ++j) {
          product += (long double)a[std::max(i, j) * n + std::min(i, j)] * vectors[k * n + j];
          dot += (long double)vectors[k * n + j] * vectors[i * n + j];
        }
        products.push_back(double(product)), scaled.push_back(values[k] * vectors[k * n + i]);
        inner.push_back(double(dot)), identity.push_back(i == k);
      }
    expect_close(products, scaled, Class::library, Dtype::f64, "A x");
    expect_close(inner, identity, Class::library, Dtype::f64, "x x");
  }
}
TEST_P(Eigvals, VectorsOfWhatIsNotFiniteAreAnError) {
  Guarded<double, 1> w(context, {2}, std::vector<double>(2), "w");
  Guarded<double, 2> matrix(context, {2, 2}, {1, 0, NAN, 1}, "a");
  try {
    eigvecs(context, w.view(), matrix.view());
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
  }
}

TEST_P(Eigvals, NonFiniteEntryIsAnErrorThatNamesTheMatrix) {
  for (double bad : {double(NAN), double(INFINITY)}) {
    auto a = symmetric<double>(4, 5, 1, 0.0);
    a[2 * 25 + 3 * 5 + 1] = bad;
    try {
      run(context, 4, 5, a);
      FAIL() << "accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("matrix 2 of 4 (5x5) has an entry that is NaN or infinite"),
                std::string::npos)
          << e.what();
    }
  }
}

TEST(EigvalsThreads, SameBitsForAnyNumber) {
  const auto a = symmetric<double>(9, 129, 3, 0.0);
  Context one = Context::cpu(1), three = Context::cpu(3);
  EXPECT_EQ(run(one, 9, 129, a), run(three, 9, 129, a));
}

CRC_ON_EACH_DEVICE(Eigvals);

}  // namespace
}  // namespace crc::test
