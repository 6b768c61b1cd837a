// Hermite expansions in closed form: identity, ReLU, leaky ReLU, ReLU².
#pragma once

#include "kernels/activation.h"
#include "kernels/hermite_basis.h"

namespace herm {

bool has_closed_expansion(const Activation& activation);

// c_k = E[φ(n t + μ) h_k(t)], k = 0 … D, with D = basis.degree(), n >= 0. Writes c [D+1].
ParityMoments expand_closed(const Activation& activation, const HermiteBasis& basis, double n, double mu, double* c);

}  // namespace herm
