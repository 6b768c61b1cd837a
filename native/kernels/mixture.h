// The inputs that a parent may get: a mixture of both children in the proportions of generator 1 (docs/theory.md,
// section 4).
#pragma once

#include <array>
#include <cmath>

#include "kernels/activation.h"
#include "kernels/pair.h"

namespace herm {

// Everything a merge needs to know of a pair.
struct PairView {
  std::array<double, 2> dev;   // n_k
  std::array<double, 2> mean;  // μ_k = b_k + ⟨w_k, prior's mean⟩
  Sym2 input;                  // ⟨w_k, w_l⟩
  Sym2 phi;                    // Φ_kl
  Sym2 output;                 // H_kl = ⟨v_k, v_l⟩
  std::array<double, 2> bias;  // b_k

  // Σ α_k b_k
  double stored_bias(const std::array<double, 2>& alpha) const { return alpha[0] * bias[0] + alpha[1] * bias[1]; }
  // ⟨w_p, prior's mean⟩ of w_p = Σ α_k w_k.
  double shift(const std::array<double, 2>& alpha) const {
    return alpha[0] * (mean[0] - bias[0]) + alpha[1] * (mean[1] - bias[1]);
  }
};

struct Mixture {
  std::array<double, 2> alpha;  // w_p = Σ α_k w_k, half-precision numbers
  std::array<double, 3> means;  // candidates for μ_p
  double dev;                   // n_p
  std::array<double, 2> rho;    // correlations of the parent with its children
};

// False where there is no mixture to try: a deviation is 0, the inputs nearly cancel, or α leaves half precision.
bool mix(const Activation& activation, const PairView& pair, Mixture& out);

}  // namespace herm
