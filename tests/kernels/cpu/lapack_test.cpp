#include "kernels/cpu/lapack.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "kernels/core/random.h"

namespace crc::test {
namespace {

// Whether or not OpenBLAS knows the processor.
TEST(Lapack, HasNoKernelsOf2004WhereTheCpuHasAvx2) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) GTEST_SKIP() << "no AVX2";
#else
  GTEST_SKIP() << "not x86-64";
#endif
  if (std::getenv("OPENBLAS_CORETYPE")) GTEST_SKIP() << "OPENBLAS_CORETYPE is set";
  EXPECT_EQ(openblas_version().find("Prescott"), std::string::npos) << openblas_version();
}

// What runs of several processes, and of any number of threads, rely on: a matrix has the same eigenvalues wherever it lies.
TEST(Lapack, BitsDoNotDependOnWhereAnArrayBegins) {
  if (std::getenv("OPENBLAS_CORETYPE")) GTEST_SKIP() << "OPENBLAS_CORETYPE is set";
  prepare_blas(1);
  constexpr int64_t kSize = 23;
  Draws draws(5, Purpose::acquisition, 0, 0);
  std::vector<double> matrix(kSize * kSize);
  for (double& x : matrix) x = draws.uniform53();
  const auto values = [&](int64_t offset) {
    std::vector<double> copy(static_cast<size_t>(offset)), w(kSize);
    copy.insert(copy.end(), matrix.begin(), matrix.end());
    std::vector<double> work(size_t(eigenvalues_work_size(kSize, copy.data())));
    EXPECT_EQ(symmetric_eigenvalues(kSize, &copy[size_t(offset)], w.data(), work.data(), int64_t(work.size())), 0);
    return w;
  };
  for (int64_t offset = 1; offset < 8; ++offset) EXPECT_EQ(values(offset), values(0)) << offset;
}

}  // namespace
}  // namespace crc::test
