// The exact kernel of piecewise linear neurons (ReLU, leaky ReLU) close to ρ = ±1, where their Hermite series converges
// like k^{−3/2} and two neurons whose bends differ only a little are told apart by its far end.
#pragma once

#include <cmath>
#include <cstddef>

#include "kernels/activation.h"
#include "kernels/normal_moments.h"

namespace herm {

inline bool has_bend_kernel(const Activation& activation) {
  return activation.plain() &&
         (activation.kind == ActivationKind::Relu || activation.kind == ActivationKind::LeakyRelu);
}

// Below this |ρ| a series of the given degree is exact to about 1e-8 of √(Φ_ii Φ_jj); above it bend_kernel takes over.
inline double bend_threshold(std::size_t degree) {
  constexpr double kNegligiblePower = 1e-5;
  return std::fmax(0.5, std::pow(kNegligiblePower, 1 / static_cast<double>(degree + 2)));
}

// Pre-activation n t + μ.
struct Preactivation {
  double dev;
  double mean;

  // Otherwise the neuron is constant or one straight line, and its series is exact.
  bool bend_in_sight() const { return std::fabs(mean) < kFarBend * dev; }
};

// E[φ(s_i) φ(s_j)] for bends in sight and 0.5 <= |ρ| <= 1, to about 1e-14 of √(Φ_ii Φ_jj). Symmetric to the bit.
//
// From K″(ρ) = n_i n_j jump² p_ρ(t_i, t_j), p_ρ the bivariate normal density at the two bends t = −μ/n:
// K(ρ) = K(1) − (1 − ρ) K′(1) + ∫_ρ^1 (r − ρ) K″(r) dr, the integral over r = cos θ, in τ = tan(θ/2). A negative ρ is
// positive for the mirror image of one neuron.
double bend_kernel(const Activation& activation, Preactivation i, Preactivation j, double rho);

}  // namespace herm
