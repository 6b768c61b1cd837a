// Hermite expansions by quadrature, for the activations that are analytic around the real line.
#pragma once

#include "kernels/activation.h"
#include "kernels/hermite_basis.h"

namespace herm {

// c_k = E[φ(n t + μ) h_k(t)], k = 0 … D, with D = basis.degree(), n >= 0; errors about 1e-13·√(E φ²). Writes c [D+1].
//
// Up to moderate n a uniform grid: its error falls exponentially with the number of nodes. Beyond, Gauss-Legendre
// panels that grow in proportion to their distance from the bend at t = −μ/n, whose width is 1/n.
ParityMoments expand_by_quadrature(const Activation& activation, const HermiteBasis& basis, double n, double mu,
                                   double* c);

}  // namespace herm
