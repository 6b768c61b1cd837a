// What a block's inputs are taken to look like: x ~ N(μ, diag(s²)) (docs/theory.md, section 1).
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "kernels/matrix_view.h"

namespace herm {

// With x = μ + s∘z and z ~ N(0, I), ⟨w, x⟩ + b is ⟨w∘s, z⟩ + (b + ⟨w, μ⟩): every kernel for N(0, I) serves this prior
// once the weights are put so. This is the one place that does it.
struct InputPrior {
  std::span<const double> mean, scale;  // μ and s [n], or both empty: N(0, I)

  bool isotropic() const { return scale.empty(); }
  void check(std::size_t inputs) const {
    const bool fits = mean.size() == scale.size() && (isotropic() || scale.size() == inputs);
    if (!fits) throw std::invalid_argument("the prior does not fit the block's inputs");
  }

  // ⟨w, μ⟩ of a neuron's own input weights [n]: what its bias grows by.
  double shift(const double* weights) const {
    double sum = 0;
    for (std::size_t c = 0; c < mean.size(); ++c) sum += weights[c] * mean[c];
    return sum;
  }
  // w := w∘s
  void rescale(double* weights) const {
    for (std::size_t c = 0; c < scale.size(); ++c) weights[c] *= scale[c];
  }
  // Input weights [m×n] and biases [m], or none, as they are for z.
  void apply(MutMatrix weights, std::vector<double>& biases) const {
    if (isotropic()) return;
    biases.resize(weights.rows);
    for (std::size_t i = 0; i < weights.rows; ++i) {
      biases[i] += shift(weights.row(i));
      rescale(weights.row(i));
    }
  }
};

}  // namespace herm
