// The Hermite expansion of GELU, φ(x) = x Φ(x), in closed form: φ″(x) = (2 − x²)ϕ(x) is a Gaussian times a polynomial,
// so the derivatives of μ ↦ E φ(nt + μ) are Hermite polynomials of μ/√(1 + n²) times its density.
#pragma once

#include "kernels/hermite_basis.h"

namespace herm {

// Not far to the left, where differences of distribution functions would lose relative accuracy.
bool has_gelu_expansion(double n, double mu);

// c_k = E[φ(n t + μ) h_k(t)], k = 0 … D. Writes c [D+1].
ParityMoments expand_gelu(const HermiteBasis& basis, double n, double mu, double* c);

}  // namespace herm
