#include "kernels/ridge_factor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/blas.h"
#include "kernels/error.h"

namespace herm {

namespace {

[[noreturn]] void fail_not_finite() {
  throw KernelError("NON_FINITE",
                    "the weights are so large, or not numbers, that refitting overflows double precision");
}

// Row and column i times scale_i; the diagonal becomes 1 exactly.
void equilibrate(Matrix& phi, const std::vector<double>& scale) {
  for (std::size_t i = 0; i < phi.rows(); ++i) {
    for (std::size_t j = 0; j < phi.cols(); ++j) phi(i, j) = phi(i, j) * scale[i] * scale[j];
    phi(i, i) = 1;
  }
}

// The Cholesky factor of a + ridge·I in the lower triangle (row-major), for the smallest ridge·10^t that has one. The
// strict upper triangle of `a` keeps the original; its diagonal is 1.
void raise_until_positive(const Job& job, Matrix& a, double ridge) {
  const auto k = blas_dim(a.rows(), "width");
  for (;; ridge = std::max(10 * ridge, std::numeric_limits<double>::epsilon())) {
    job.check();
    for (std::size_t i = 0; i < a.rows(); ++i) {
      a(i, i) = 1 + ridge;
      for (std::size_t j = 0; j < i; ++j) a(i, j) = a(j, i);
    }
    // Row-major lower is column-major upper: no transposed copies.
    const lapack_int status = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', k, a.data(), k);
    if (status == 0) return;
    // With entries of at most 1, a ridge of k is always enough.
    if (status < 0 || ridge > static_cast<double>(a.rows())) fail_not_finite();
  }
}

}  // namespace

std::vector<double> factorise(const Job& job, Matrix& phi, double ridge) {
  std::vector<double> scale(phi.rows());
  for (std::size_t i = 0; i < phi.rows(); ++i) {
    const double energy = phi(i, i);
    if (!std::isfinite(energy)) fail_not_finite();
    scale[i] = energy > 0 ? 1 / std::sqrt(energy) : 0;
  }
  equilibrate(phi, scale);
  raise_until_positive(job, phi, ridge);
  return scale;
}

}  // namespace herm
