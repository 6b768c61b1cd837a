#include "kernels/decompose.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/blas.h"
#include "kernels/error.h"

namespace herm {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

[[noreturn]] void lapack_failed(const char* routine, lapack_int info) {
  if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) throw std::bad_alloc();
  throw KernelError("NATIVE", std::string("LAPACK's ") + routine + " failed with info " + std::to_string(info));
}

Matrix compact(ConstMatrix a) {
  Matrix copy(a.rows, a.cols);
  for (std::size_t i = 0; i < a.rows; ++i) std::copy_n(a.row(i), a.cols, copy.row(i));
  return copy;
}

// gesdd's workspace grows as 4k² + 7k plus blocks of the longer side, and its length is a 32-bit number.
void check_workspace(std::size_t k, std::size_t longest) {
  blas_dim(checked_mul(checked_mul(k, k), 5), "5 times the squared number of singular values");
  blas_dim(checked_mul(longest, 256), "256 times the longer side");
}

}  // namespace

void require_finite(ConstMatrix matrix, const char* name) {
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    for (std::size_t j = 0; j < matrix.cols; ++j) {
      if (!std::isfinite(matrix(i, j))) {
        throw KernelError("NON_FINITE", "row " + std::to_string(i) + ", column " + std::to_string(j) + " of " + name +
                                            " is not a finite number");
      }
    }
  }
}

Svd svd(ConstMatrix a, SvdVectors vectors) {
  const std::size_t k = std::min(a.rows, a.cols);
  const bool both = vectors == SvdVectors::Both;
  Svd result{std::vector<double>(k), both ? Matrix(a.rows, k) : Matrix(), both ? Matrix(k, a.cols) : Matrix()};
  if (k == 0) return result;
  check_workspace(k, std::max(a.rows, a.cols));

  // Row-major a is column-major aᵀ, whose left vectors are a's right ones: nothing is transposed.
  const lapack_int m = blas_dim(a.cols, "cols"), n = blas_dim(a.rows, "rows"), ld_right = m,
                   ld_left = blas_dim(k, "singular values");
  const char job = both ? 'S' : 'N';
  Matrix work = compact(a);
  const lapack_int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, job, m, n, work.data(), m, result.values.data(),
                                         result.right.data(), ld_right, result.left.data(), ld_left);
  if (info == 0) return result;
  if (info < 0) lapack_failed("dgesdd", info);
  work = compact(a);
  std::vector<double> superdiagonal(k);
  const lapack_int second =
      LAPACKE_dgesvd(LAPACK_COL_MAJOR, job, job, m, n, work.data(), m, result.values.data(), result.right.data(),
                     ld_right, result.left.data(), ld_left, superdiagonal.data());
  if (second != 0) lapack_failed("dgesdd and dgesvd", second);
  return result;
}

Matrix row_space(ConstMatrix a) {
  const std::size_t k = std::min(a.rows, a.cols);
  if (k == 0) return {};
  const lapack_int d = blas_dim(a.cols, "cols"), g = blas_dim(a.rows, "rows");
  Matrix work = compact(a);  // [g×d] row-major: the columns of aᵀ, as LAPACK wants them
  std::vector<lapack_int> pivots(a.rows);
  std::vector<double> tau(k);
  if (const auto info = LAPACKE_dgeqp3(LAPACK_COL_MAJOR, d, g, work.data(), d, pivots.data(), tau.data())) {
    lapack_failed("dgeqp3", info);
  }
  const double threshold = static_cast<double>(std::max(a.rows, a.cols)) * kEpsilon * std::fabs(work(0, 0));
  std::size_t rank = 0;
  while (rank < k && std::fabs(work(rank, rank)) > threshold) ++rank;
  if (rank == 0) return {};
  const lapack_int r = blas_dim(rank, "rank");
  if (const auto info = LAPACKE_dorgqr(LAPACK_COL_MAJOR, d, r, r, work.data(), d, tau.data())) {
    lapack_failed("dorgqr", info);
  }
  return compact(ConstMatrix(work.data(), rank, a.cols));
}

Matrix semidefinite_factor(ConstMatrix a) {
  const std::size_t g = a.rows;
  if (g == 0) return {};
  double largest = 0;
  for (std::size_t i = 0; i < g; ++i) largest = std::max(largest, a(i, i));
  if (largest <= 0) return {};

  Matrix work = compact(a);
  std::vector<lapack_int> pivots(g);
  lapack_int rank = 0;
  const lapack_int info =
      LAPACKE_dpstrf(LAPACK_COL_MAJOR, 'L', blas_dim(g, "neurons"), work.data(), blas_dim(g, "neurons"), pivots.data(),
                     &rank, static_cast<double>(g) * kEpsilon * largest);
  if (info < 0) lapack_failed("dpstrf", info);  // info 1 only says that the rank is not full

  // Column k of the lower factor is row k of `work`; its entry i belongs to the original index pivots[i] − 1.
  Matrix factor(static_cast<std::size_t>(rank), g);
  for (std::size_t k = 0; k < factor.rows(); ++k) {
    for (std::size_t i = k; i < g; ++i) factor(k, static_cast<std::size_t>(pivots[i]) - 1) = work(k, i);
  }
  return factor;
}

}  // namespace herm
