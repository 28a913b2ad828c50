// Symmetric eigenproblems on the CPU: the one user of LAPACKE. Plain functions on row-major arrays; only the lower
// triangle is read. Each call runs on the calling thread alone, so that ops are parallel over matrices and their bits
// do not depend on the number of threads. (They do depend on the processor type: OpenBLAS has kernels for each.)
#pragma once

#include <cstdint>
#include <string>

namespace crc {

// Gives the program that we are a guest of its numbers of threads back: OpenMP's of this thread, which a context sets,
// and OpenBLAS's when the last one on any thread ends; while one lives OpenBLAS works on one thread at a time, as
// prepare_blas sets it.
class KeepThreads {
 public:
  KeepThreads();
  ~KeepThreads();
  KeepThreads(const KeepThreads&) = delete;
  KeepThreads& operator=(const KeepThreads&) = delete;

 private:
  int openmp_;
};

// Whoever is about to call BLAS or LAPACK from `threads` threads at a time says so; repeating it costs nothing.
// OpenBLAS's own threads would compete with OpenMP's, and their number would change the order of summation: they are
// switched off. And OpenBLAS tries for ever to get a buffer that the system refuses: the buffers are taken here, and
// missing ones are an Error out_of_memory.
void prepare_blas(int threads);

// Of the libraries found at run time. OpenBLAS has kernels for each processor type: "0.3.21, Haswell kernels".
std::string openblas_version();
std::string lapack_version();

// Elements of scratch that symmetric_eigenvalues needs for n x n.
int64_t eigenvalues_work_size(int64_t n, const double* type);
int64_t eigenvalues_work_size(int64_t n, const float* type);

// w [n] = eigenvalues of a [n,n], ascending; a is destroyed. n >= 1. Returns LAPACK's info: 0 is success. Allocates
// nothing. xSYEVD, job N.
int symmetric_eigenvalues(int64_t n, double* a, double* w, double* work, int64_t work_size);
int symmetric_eigenvalues(int64_t n, float* a, float* w, float* work, int64_t work_size);

// Also the eigenvectors: row i of a becomes the unit eigenvector of w[i]. Error numerical if it does not converge.
void symmetric_eigenvectors(int64_t n, double* a, double* w);

// s [min(rows,columns)] = singular values of a [rows,columns], descending; a is destroyed. Returns LAPACK's info.
// Allocates nothing. dgesvd, jobs N, N: right to a few 2^-52 of the largest.
int64_t singular_values_work_size(int64_t rows, int64_t columns);
int singular_values(int64_t rows, int64_t columns, double* a, double* s, double* work, int64_t work_size);

// Also the right singular vectors, v [columns,columns] row by row, first those of s, then the null space. Error
// numerical if it does not converge.
void singular_vectors(int64_t rows, int64_t columns, double* a, double* s, double* v);

}  // namespace crc
