// Hermite expansions by quadrature, for the activations that are analytic around the real line or between their knots.
#pragma once

#include <vector>

#include "kernels/activation.h"
#include "kernels/hermite_basis.h"

namespace herm {

// A quadrature rule for E[f(t)], t ~ N(0, 1), whose nodes t >= 0 stand for ±t. The weights include the normal density.
struct MirroredRule {
  std::vector<double> t, weight;
};

// A rule that integrates φ(n t + μ) and its square times a polynomial of the given degree, n > 0: for every activation,
// because its panels end at the knots of those that are broken there.
//
// For the others a uniform grid up to moderate n: its error falls exponentially with the number of nodes. Beyond,
// Gauss-Legendre panels that grow in proportion to their distance from the bend at t = −μ/n, whose width is 1/n.
void mirrored_rule(const Activation& activation, std::size_t degree, double n, double mu, MirroredRule& rule);

// c_k = E[φ(n t + μ) h_k(t)], k = 0 … D, with D = basis.degree(), n >= 0; errors about 1e-13·√(E φ²). Writes c [D+1].
ParityMoments expand_by_quadrature(const Activation& activation, const HermiteBasis& basis, double n, double mu,
                                   double* c);

}  // namespace herm
