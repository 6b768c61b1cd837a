// Cholesky factors of large matrices, inverses and solutions by them, in fixed tiles, each by single-threaded BLAS: the
// bits do not depend on the thread count, and a job that is aborted stops within a few tiles.
#pragma once

#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

// The lower triangle of a [k×k] becomes L with L Lᵀ = a, of which nothing else is read or written. False, and the
// triangle is useless, where rounding leaves no positive pivot, or one that is no finite number.
bool cholesky(const Job& job, MutMatrix a);

// The lower triangle, L as cholesky() leaves it, becomes that of (L Lᵀ)⁻¹. Throws KernelError("NON_FINITE") where there
// is none in double precision.
void cholesky_inverse(const Job& job, MutMatrix factor);

// out := (L Lᵀ)⁻¹ out
void cholesky_solve(const Job& job, ConstMatrix factor, MutMatrix out);

}  // namespace herm
