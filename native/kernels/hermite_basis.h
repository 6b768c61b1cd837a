// The three-term recurrence of the orthonormal probabilists' Hermite polynomials, and what an expansion hands over
// before its remainders are known.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace herm {

// h_0 = 1, h_{k+1}(t) = alpha_k t h_k(t) − beta_k h_{k−1}(t). Forwards it is stable for every t: h_k never is its
// minimal solution.
class HermiteBasis {
 public:
  explicit HermiteBasis(std::size_t degree) : alpha_(degree + 1), beta_(degree + 1) {
    for (std::size_t k = 0; k <= degree; ++k) {
      alpha_[k] = 1 / std::sqrt(static_cast<double>(k + 1));
      beta_[k] = std::sqrt(static_cast<double>(k) / static_cast<double>(k + 1));
    }
  }

  std::size_t degree() const { return alpha_.size() - 1; }
  const double* alpha() const { return alpha_.data(); }
  const double* beta() const { return beta_.data(); }

 private:
  std::vector<double> alpha_, beta_;
};

// E φ(s)² and E[φ(s) φ(s′)] of a neuron s = n t + μ and its mirror image s′ = −n t + μ: the kernel at ρ = 1 and ρ = −1.
struct ParityMoments {
  double second;
  double mirrored;
};

}  // namespace herm
