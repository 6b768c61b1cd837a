// Cholesky factors of kernel matrices that may be singular.
#pragma once

#include <vector>

#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

// phi [k×k] becomes a matrix L, lower triangle, with L Lᵀ = S phi S + ridge·I, the ridge raised tenfold until there is
// one. S = diag(result), 1/√phi_ii or 0 where phi_ii is 0: so the ridge is relative to each neuron's own energy. Above
// the diagonal stays S phi S. Throws KernelError("NON_FINITE") where phi is not finite.
std::vector<double> factorise(const Job& job, Matrix& phi, double ridge);

}  // namespace herm
