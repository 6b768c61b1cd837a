#include "kernels/ridge_factor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/error.h"
#include "kernels/mirror.h"
#include "kernels/threads.h"
#include "kernels/tiled_cholesky.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 64;  // that a thread takes at a time

[[noreturn]] void fail_not_finite() {
  throw KernelError("NON_FINITE",
                    "the weights are so large, or not numbers, that refitting overflows double precision");
}

// Row and column i times scale_i; the diagonal becomes 1 exactly. Symmetric to the bit.
void equilibrate(const Job& job, Matrix& phi, const std::vector<double>& scale) {
  parallel_for(job, phi.rows(), kRows, [&](std::size_t begin, std::size_t end) {
    bool finite = true;
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t j = 0; j < phi.cols(); ++j) {
        phi(i, j) = phi(i, j) * scale[std::min(i, j)] * scale[std::max(i, j)];
        finite = finite && std::isfinite(phi(i, j));
      }
      phi(i, i) = 1;
    }
    if (!finite) fail_not_finite();
  });
}

// The lower triangle := the upper one.
void restore(const Job& job, Matrix& a) {
  parallel_for(job, a.rows(), kRows,
               [&](std::size_t begin, std::size_t end) { mirror_tile(a.view(), begin, end, begin, a.cols()); });
}

// The Cholesky factor of a + ridge·I in the lower triangle (row-major), for the smallest ridge·10^t that has one. The
// strict upper triangle of `a` keeps the original; its diagonal is 1.
void raise_until_positive(const Job& job, Matrix& a, double ridge) {
  for (;;) {
    for (std::size_t i = 0; i < a.rows(); ++i) a(i, i) = 1 + ridge;
    if (cholesky(job, a.view())) return;
    // With entries of at most 1, a ridge of k is always enough.
    if (ridge > static_cast<double>(a.rows())) fail_not_finite();
    ridge = std::max(10 * ridge, std::numeric_limits<double>::epsilon());
    restore(job, a);
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
  equilibrate(job, phi, scale);
  raise_until_positive(job, phi, ridge);
  return scale;
}

}  // namespace herm
