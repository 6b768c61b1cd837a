// What a block's inputs are taken to look like: x = μ + s∘(L z), z ~ N(0, I) (docs/theory.md, section 1).
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "kernels/blas.h"
#include "kernels/matrix_view.h"

namespace herm {

// With x so, ⟨w, x⟩ + b is ⟨Lᵀ(w∘s), z⟩ + (b + ⟨w, μ⟩): every kernel for N(0, I) serves this prior once the weights are
// put so. This is the one place that does it.
struct InputPrior {
  std::span<const double> mean{}, scale{};  // μ and s [n], or both empty: 0 and 1
  std::span<const double> factor{};         // L [n×n], lower triangular, or empty: I

  bool isotropic() const { return scale.empty() && factor.empty(); }
  void check(std::size_t inputs) const {
    const bool fits = mean.size() == scale.size() && (scale.empty() || scale.size() == inputs) &&
                      (factor.empty() || factor.size() == checked_mul(inputs, inputs));
    if (!fits) throw std::invalid_argument("the prior does not fit the block's inputs");
  }

  // ⟨w, μ⟩ of a neuron's own input weights [n]: what its bias grows by.
  double shift(const double* weights) const {
    double sum = 0;
    for (std::size_t c = 0; c < mean.size(); ++c) sum += weights[c] * mean[c];
    return sum;
  }
  // w := Lᵀ(w∘s), row by row [m×n].
  void rescale(MutMatrix weights) const {
    for (std::size_t i = 0; i < weights.rows; ++i)
      for (std::size_t c = 0; c < scale.size(); ++c) weights.row(i)[c] *= scale[c];
    if (factor.empty() || weights.rows == 0 || weights.cols == 0) return;
    const lapack_int n = blas_dim(weights.cols, "inputs");
    cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, blas_dim(weights.rows, "neurons"), n,
                1, factor.data(), n, weights.data, blas_dim(weights.stride, "stride"));
  }
  // Input weights [m×n] and biases [m], or none, as they are for z.
  void apply(MutMatrix weights, std::vector<double>& biases) const {
    if (isotropic()) return;
    biases.resize(weights.rows);
    for (std::size_t i = 0; i < weights.rows; ++i) biases[i] += shift(weights.row(i));
    rescale(weights);
  }
};

}  // namespace herm
